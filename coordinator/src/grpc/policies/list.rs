//! What there is, and what happened.

use drover_model::{
    observation::layout,
    policy::{self, PolicySource},
};
use drover_proto::v1;

use super::{not_found, wire};
use crate::{
    error::ApiError, grpc::pages::refuse_nul, policies, server::Parts, store::PolicyEntry,
};

const MOST_VERSIONS: u32 = 1_000;
const DEFAULT_PAGE: u32 = 50;
const LARGEST_PAGE: u32 = 1_000;

pub(super) async fn list(parts: &Parts) -> Result<v1::ListPoliciesResponse, ApiError> {
    let active = policies::in_use(&parts.senders).await?;
    let stored = parts.store.policies(MOST_VERSIONS).await?;
    let options = &parts.options;
    let backfill = options.backfill.as_ref();
    let rules = policy::all();
    let rules = rules.iter().map(|policy| v1::Policy {
        name: policy.name().to_owned(),
        description: policy.description().to_owned(),
    });
    Ok(v1::ListPoliciesResponse {
        policies: rules.collect(),
        active: active.policy.to_string(),
        dispatch_mode: active.mode.to_string(),
        score_weights: active.weights.to_string(),
        versions: stored.into_iter().map(without_evaluation).collect(),
        features: features(),
        age_cap: options.age_cap.map(Into::into),
        backfill_order: backfill
            .map(|policy| policy.name().to_owned())
            .unwrap_or_default(),
    })
}

fn features() -> Vec<String> {
    let observed = layout();
    let columns = observed.candidate().iter().chain(observed.global());
    columns.cloned().collect()
}

/// Evaluations are long; [`find`] tells them.
fn without_evaluation(mut entry: PolicyEntry) -> v1::PolicyVersion {
    entry.origin.evaluation = None;
    wire::version(entry)
}

/// # Errors
/// When no such version is stored.
pub(super) async fn find(
    parts: &Parts,
    version: &str,
) -> Result<(PolicyEntry, PolicySource), ApiError> {
    refuse_nul("version", version)?;
    let found = parts.store.policy(version).await?;
    found.ok_or_else(|| not_found(version))
}

pub(super) async fn history(
    parts: &Parts,
    request: &v1::PolicyHistoryRequest,
) -> Result<v1::PolicyHistoryResponse, ApiError> {
    let size = match request.page_size {
        0 => DEFAULT_PAGE,
        size => size.min(LARGEST_PAGE),
    };
    let before = match &*request.page_token {
        "" => None,
        token => Some(token.parse().map_err(|_| {
            ApiError::invalid_field("page_token", "is not a token that a coordinator gave out")
        })?),
    };
    // One more than fits tells whether another page follows.
    let mut entries = parts.store.policy_events(before, size + 1).await?;
    let more = entries.len() > size as usize;
    entries.truncate(size as usize);
    let last = entries.last().filter(|_| more);
    Ok(v1::PolicyHistoryResponse {
        next_page_token: last.map(|last| last.id.to_string()).unwrap_or_default(),
        events: entries
            .into_iter()
            .map(|entry| wire::event(entry.row))
            .collect(),
    })
}
