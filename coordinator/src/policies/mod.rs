//! Which policy is used, and what is stored of others: what calls, the gate, the guard and the breaker have in common.

mod candidate;
pub(crate) mod gate;

use std::sync::Arc;

use drover_model::{
    Answer, PolicyEventKind, PolicyEventRow, PolicySwitch, PolicyView, Question,
    policy::PolicySource,
};

pub(crate) use candidate::Candidate;

use crate::{
    clock,
    error::ApiError,
    inbox::{Senders, Wish},
    store::{NewPolicy, Store, StoreError},
};

/// The policy by which this leader ranks.
pub(crate) async fn in_use(senders: &Senders) -> Result<PolicyView, ApiError> {
    match senders.ask(Wish::Ask(Question::Policy)).await? {
        Answer::Policy(view) => Ok(view),
        _ => Err(ApiError::internal()),
    }
}

/// Answers when the switch is durable, with the version that was in use.
pub(crate) async fn switch(senders: &Senders, switch: PolicySwitch) -> Result<Arc<str>, ApiError> {
    let (policy, kind, who) = (
        Arc::clone(&switch.policy.version),
        switch.kind,
        switch.who.clone(),
    );
    match senders.ask(Wish::UsePolicy(Box::new(switch))).await? {
        Answer::PolicyUsed { before } => {
            tracing::info!(%policy, %before, %kind, %who, "the policy in use");
            Ok(before)
        }
        Answer::Refused(refusal) => Err(refusal.into()),
        _ => Err(ApiError::internal()),
    }
}

/// From a policy that does harm or fails to the rule that is set for that case.
pub(crate) fn give_up(in_use: Arc<str>, rule: &str, who: &str, why: &str) -> PolicySwitch {
    tracing::error!(policy = %in_use, instead = rule, who, why, "the policy in use is given up");
    PolicySwitch {
        policy: PolicySource::rule(rule),
        instead_of: Some(in_use),
        kind: PolicyEventKind::FallBack,
        who: who.into(),
        why: why.into(),
    }
}

/// Stores a candidate, with why it is there. False when its version is taken.
pub(crate) async fn add(
    store: &dyn Store,
    candidate: &Candidate,
    kind: PolicyEventKind,
    who: &str,
    why: &str,
) -> Result<bool, StoreError> {
    let now = clock::wall();
    let new = NewPolicy {
        version: Arc::clone(&candidate.version),
        created_at: now,
        weights: candidate.weights.clone(),
        sha256: candidate.sha256.clone(),
        origin: candidate.origin.clone(),
    };
    let event = PolicyEventRow {
        at: now,
        kind,
        from: None,
        to: Arc::clone(&candidate.version),
        who: who.into(),
        why: why.into(),
    };
    store.add_policy(&new, &event).await
}
