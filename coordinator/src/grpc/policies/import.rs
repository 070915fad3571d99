//! Weights into the registry.

use drover_model::PolicyEventKind;
use drover_proto::v1;

use super::check_words;
use crate::{
    error::{ApiError, Code},
    policies::{self, Candidate},
    principal::Principal,
    server::Parts,
    store::{Origin, PolicyEntry},
};

const MAX_EVALUATION_BYTES: usize = 64 << 10;

pub(super) async fn import(
    parts: &Parts,
    request: v1::ImportPolicyRequest,
    who: Principal,
) -> Result<PolicyEntry, ApiError> {
    let origin = check_origin(request.origin.unwrap_or_default())?;
    let candidate = Candidate::check(request.weights, &request.version, origin)?;
    parts.senders.require_leader()?;
    let (who, why) = (who.to_string(), candidate.origin.note.clone());
    let kind = PolicyEventKind::Import;
    if policies::add(&*parts.store, &candidate, kind, &who, &why).await? {
        tracing::info!(version = %candidate.version, %who, "a policy is imported");
    }
    let stored = parts.store.policy(&candidate.version).await?;
    let (entry, _) = stored.ok_or_else(ApiError::internal)?;
    if entry.sha256.as_deref() != Some(&candidate.sha256) {
        let message = format!(
            "version `{}` is taken by other weights; import these under another with --version",
            candidate.version
        );
        return Err(ApiError::new(Code::PolicyExists, message));
    }
    Ok(entry)
}

/// # Errors
/// With the field that is wrong.
pub(super) fn check_origin(origin: v1::PolicyOrigin) -> Result<Origin, ApiError> {
    check_words("origin.command", &origin.command)?;
    check_words("origin.parent", &origin.parent)?;
    check_words("origin.note", &origin.note)?;
    let evaluation = &origin.evaluation;
    if evaluation.len() > MAX_EVALUATION_BYTES {
        let problem = format!(
            "has {} bytes, and at most {MAX_EVALUATION_BYTES} are allowed",
            evaluation.len()
        );
        return Err(ApiError::invalid_field("origin.evaluation", problem));
    }
    if !evaluation.is_empty() {
        serde_json::from_str::<serde::de::IgnoredAny>(evaluation).map_err(|error| {
            ApiError::invalid_field("origin.evaluation", format!("is not JSON: {error}"))
        })?;
    }
    Ok(Origin {
        command: origin.command,
        seed: origin.seed,
        parent: Some(origin.parent).filter(|parent| !parent.is_empty()),
        evaluation: Some(origin.evaluation).filter(|evaluation| !evaluation.is_empty()),
        note: origin.note,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_checked_field_by_field() {
        let with = |change: fn(&mut v1::PolicyOrigin)| {
            let mut origin = v1::PolicyOrigin::default();
            change(&mut origin);
            check_origin(origin).map_err(|error| error.message.into_owned())
        };
        assert_eq!(with(|_| ()), Ok(Origin::default()));
        let problem = with(|origin| origin.evaluation = "{\"j\": ".into()).unwrap_err();
        assert!(
            problem.starts_with("origin.evaluation: is not JSON"),
            "{problem}"
        );
        let problem = with(|origin| origin.evaluation = "0".repeat(65_537)).unwrap_err();
        assert!(problem.contains("has 65537 bytes"), "{problem}");
        let problem = with(|origin| origin.note = "a\0".into()).unwrap_err();
        assert_eq!(problem, "origin.note: holds a NUL byte");
        let problem = with(|origin| origin.command = "x".repeat(4_097)).unwrap_err();
        assert!(problem.contains("at most 4096"), "{problem}");
    }
}
