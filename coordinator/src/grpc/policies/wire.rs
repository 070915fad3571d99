//! Entries of the registry as messages.

use drover_model::{PolicyEventKind, PolicyEventRow, PolicyState};
use drover_proto::{time, v1};

use crate::store::{Origin, PolicyEntry};

pub(super) fn version(entry: PolicyEntry) -> v1::PolicyVersion {
    let state = match entry.state {
        PolicyState::Candidate => v1::PolicyState::Candidate,
        PolicyState::Live => v1::PolicyState::Live,
        PolicyState::Retired => v1::PolicyState::Retired,
    };
    v1::PolicyVersion {
        version: entry.version.to_string(),
        state: state.into(),
        create_time: Some(time::from_model(entry.created_at)),
        sha256: entry.sha256.unwrap_or_default(),
        origin: Some(origin(entry.origin)),
    }
}

fn origin(origin: Origin) -> v1::PolicyOrigin {
    v1::PolicyOrigin {
        command: origin.command,
        seed: origin.seed,
        parent: origin.parent.unwrap_or_default(),
        evaluation: origin.evaluation.unwrap_or_default(),
        note: origin.note,
    }
}

pub(super) fn event(row: PolicyEventRow) -> v1::PolicyEvent {
    let kind = match row.kind {
        PolicyEventKind::Import => v1::PolicyEventKind::Import,
        PolicyEventKind::Use => v1::PolicyEventKind::Use,
        PolicyEventKind::Promote => v1::PolicyEventKind::Promote,
        PolicyEventKind::RollBack => v1::PolicyEventKind::RollBack,
        PolicyEventKind::FallBack => v1::PolicyEventKind::FallBack,
        PolicyEventKind::Refuse => v1::PolicyEventKind::Refuse,
    };
    v1::PolicyEvent {
        time: Some(time::from_model(row.at)),
        kind: kind.into(),
        from_version: row.from.as_deref().unwrap_or_default().to_owned(),
        to_version: row.to.to_string(),
        who: row.who.into(),
        why: row.why.into(),
    }
}
