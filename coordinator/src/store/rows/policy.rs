use drover_model::{PolicyEventKind, PolicyEventRow, PolicyState, Timestamp};

use super::Place;
use crate::store::{Origin, PolicyEntry, PolicyEventEntry, StoreError, cells::Cells};

/// What [`policy`] reads, in this order.
macro_rules! policy_columns {
    () => {
        "version, state, created_at, sha256, command, seed, parent, evaluation, note"
    };
}
pub(in crate::store) use policy_columns;

/// What [`policy_event`] reads, in this order.
macro_rules! policy_event_columns {
    () => {
        "id, at, kind, from_version, to_version, who, why"
    };
}
pub(in crate::store) use policy_event_columns;

/// From [`policy_columns`].
pub(in crate::store) fn policy(row: &impl Cells) -> Result<PolicyEntry, StoreError> {
    let place = Place::in_table("policies");
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Ok(PolicyEntry {
        version: row.text(0)?.into(),
        state: place.named("state", row.text(1)?, PolicyState::from_name)?,
        created_at: Timestamp(row.big(2)?),
        sha256: owned(row.optional_text(3)?),
        origin: Origin {
            command: row.text(4)?.to_owned(),
            seed: row.optional_big(5)?.map(i64::cast_unsigned),
            parent: owned(row.optional_text(6)?),
            evaluation: owned(row.optional_text(7)?),
            note: row.text(8)?.to_owned(),
        },
    })
}

/// From [`policy_event_columns`].
pub(in crate::store) fn policy_event(row: &impl Cells) -> Result<PolicyEventEntry, StoreError> {
    let place = Place::in_table("policy_events");
    Ok(PolicyEventEntry {
        id: place.narrowed("id", row.big(0)?)?,
        row: PolicyEventRow {
            at: Timestamp(row.big(1)?),
            kind: place.named("kind", row.text(2)?, PolicyEventKind::from_name)?,
            from: row.optional_text(3)?.map(Into::into),
            to: row.text(4)?.into(),
            who: row.text(5)?.into(),
            why: row.text(6)?.into(),
        },
    })
}
