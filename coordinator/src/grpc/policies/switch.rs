//! Which policy an operator's call means.

use drover_model::{
    PolicyEventKind, PolicyState, PolicySwitch,
    policy::{self, PolicySource},
};

use super::{check_words, list::find};
use crate::{
    error::{ApiError, Code},
    grpc::pages::refuse_nul,
    policies,
    server::Parts,
};

/// A rule by its name, or a stored version.
pub(super) async fn to_use(
    parts: &Parts,
    name: &str,
    why: String,
) -> Result<PolicySwitch, ApiError> {
    refuse_nul("policy", name)?;
    check_words("reason", &why)?;
    let policy = source(parts, name).await?;
    Ok(wanted(policy, PolicyEventKind::Use, why))
}

/// Rules need no store: they can be used whatever has become of it.
async fn source(parts: &Parts, name: &str) -> Result<PolicySource, ApiError> {
    let unknown = match policy::find(name) {
        // `fcfs` is known as `fifo`.
        Ok(rule) => return Ok(PolicySource::rule(rule.name())),
        Err(unknown) => unknown,
    };
    let stored = parts.store.policy(name).await?;
    let (_, source) = stored.ok_or_else(|| {
        let message = format!("{unknown}; no such version is stored either");
        ApiError::new(Code::PolicyNotFound, message)
    })?;
    Ok(source)
}

/// A version that was never in use.
pub(super) async fn to_promote(
    parts: &Parts,
    version: &str,
    why: String,
) -> Result<PolicySwitch, ApiError> {
    check_words("reason", &why)?;
    let (entry, source) = find(parts, version).await?;
    if entry.state == PolicyState::Retired {
        let message = format!(
            "`{version}` was in use before and is no candidate; `drover policy use {version}` goes back to it"
        );
        return Err(ApiError::new(Code::NotCandidate, message));
    }
    Ok(wanted(source, PolicyEventKind::Promote, why))
}

/// What was in use before.
pub(super) async fn to_roll_back(parts: &Parts, why: String) -> Result<PolicySwitch, ApiError> {
    check_words("reason", &why)?;
    let active = policies::in_use(&parts.senders).await?.policy;
    let before = parts.store.policy_before(&active).await?;
    let before = before.ok_or_else(|| {
        let message = format!(
            "nothing was in use before `{active}`; choose a policy with `drover policy use`"
        );
        ApiError::new(Code::NothingBefore, message)
    })?;
    Ok(PolicySwitch {
        instead_of: Some(active),
        ..wanted(
            source(parts, &before).await?,
            PolicyEventKind::RollBack,
            why,
        )
    })
}

/// By somebody who is named later.
fn wanted(policy: PolicySource, kind: PolicyEventKind, why: String) -> PolicySwitch {
    PolicySwitch {
        policy,
        instead_of: None,
        kind,
        who: Box::default(),
        why: why.into(),
    }
}
