//! The registry of policies, of either database: which there are, which is in use, and what happened to them.

use std::sync::Arc;

use bytes::Bytes;
use drover_model::{PolicyEventRow, PolicyState, Timestamp, policy::PolicySource};

use super::{
    StoreError,
    cells::Cells as _,
    reader::{Reader, Value},
    rows::{policy, policy_columns, policy_event, policy_event_columns},
};

/// A policy in the registry, without its weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyEntry {
    pub version: Arc<str>,
    pub state: PolicyState,
    pub created_at: Timestamp,
    /// Of its weights, as hexadecimal digits. `None`: a rule.
    pub sha256: Option<String>,
    pub origin: Origin,
}

/// How a policy came about, as far as somebody has said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// That trained it.
    pub command: String,
    pub seed: Option<u64>,
    /// The version that training began with.
    pub parent: Option<String>,
    /// A JSON value.
    pub evaluation: Option<String>,
    pub note: String,
}

/// A network to be stored as a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPolicy {
    pub version: Arc<str>,
    pub created_at: Timestamp,
    pub weights: Bytes,
    /// Of the weights, as hexadecimal digits.
    pub sha256: String,
    pub origin: Origin,
}

/// An entry of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyEventEntry {
    /// Grows.
    pub id: u64,
    pub row: PolicyEventRow,
}

const LIST: &str = concat!(
    "SELECT ",
    policy_columns!(),
    " FROM policies ORDER BY created_at DESC, version LIMIT $1"
);

const FIND: &str = concat!(
    "SELECT ",
    policy_columns!(),
    ", weights FROM policies WHERE version = $1"
);

const LIVE: &str = "SELECT version, weights FROM policies WHERE state = 'live'";

const EVENTS: &str = concat!(
    "SELECT ",
    policy_event_columns!(),
    " FROM policy_events WHERE id < $1 ORDER BY id DESC LIMIT $2"
);

const BEFORE: &str = "SELECT from_version FROM policy_events WHERE to_version = $1 AND kind IN ('use', 'promote', 'fall_back') \
    ORDER BY id DESC LIMIT 1";

/// Says what it has stored: nothing, if the version is taken.
const ADD: &str = "INSERT INTO policies (version, state, created_at, weights, sha256, command, seed, parent, \
        evaluation, note) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
    ON CONFLICT (version) DO NOTHING RETURNING version";

const ADD_EVENT: &str = "INSERT INTO policy_events (at, kind, from_version, to_version, who, why) \
    VALUES ($1, $2, $3, $4, $5, $6) RETURNING id";

pub(super) async fn list(
    mut reader: impl Reader,
    limit: u32,
) -> Result<Vec<PolicyEntry>, StoreError> {
    let rows = reader.rows(LIST, vec![Value::Big(limit.into())]).await?;
    rows.iter().map(policy).collect()
}

pub(super) async fn find(
    mut reader: impl Reader,
    version: &str,
) -> Result<Option<(PolicyEntry, PolicySource)>, StoreError> {
    /// Behind [`policy_columns`].
    const WEIGHTS: usize = 9;
    let rows = reader.rows(FIND, vec![Value::Text(version)]).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let entry = policy(row)?;
    let source = PolicySource {
        version: Arc::clone(&entry.version),
        weights: row.optional_bytes(WEIGHTS)?.map(Bytes::copy_from_slice),
    };
    Ok(Some((entry, source)))
}

/// The one in use.
pub(super) async fn live(reader: &mut impl Reader) -> Result<Option<PolicySource>, StoreError> {
    let rows = reader.rows(LIVE, vec![]).await?;
    let live = rows.first().map(|row| {
        Ok(PolicySource {
            version: row.text(0)?.into(),
            weights: row.optional_bytes(1)?.map(Bytes::copy_from_slice),
        })
    });
    live.transpose()
}

pub(super) async fn events(
    mut reader: impl Reader,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<PolicyEventEntry>, StoreError> {
    let before = before.and_then(|id| i64::try_from(id).ok());
    let values = vec![
        Value::Big(before.unwrap_or(i64::MAX)),
        Value::Big(limit.into()),
    ];
    let rows = reader.rows(EVENTS, values).await?;
    rows.iter().map(policy_event).collect()
}

pub(super) async fn before(
    mut reader: impl Reader,
    version: &str,
) -> Result<Option<Arc<str>>, StoreError> {
    let rows = reader.rows(BEFORE, vec![Value::Text(version)]).await?;
    let before = rows.first().map(|row| row.optional_text(0)).transpose()?;
    Ok(before.flatten().map(Into::into))
}

/// To be called in a transaction. False when the version is taken.
pub(super) async fn add(
    mut transaction: impl Reader,
    new: &NewPolicy,
    event: &PolicyEventRow,
) -> Result<bool, StoreError> {
    let origin = &new.origin;
    let values = vec![
        Value::Text(&new.version),
        Value::Text(PolicyState::Candidate.as_str()),
        Value::Big(new.created_at.0),
        Value::OptionalBytes(Some(&new.weights)),
        Value::Text(&new.sha256),
        Value::Text(&origin.command),
        Value::OptionalBig(origin.seed.map(u64::cast_signed)),
        Value::OptionalText(origin.parent.as_deref()),
        Value::OptionalText(origin.evaluation.as_deref()),
        Value::Text(&origin.note),
    ];
    if transaction.rows(ADD, values).await?.is_empty() {
        return Ok(false);
    }
    let values = vec![
        Value::Big(event.at.0),
        Value::Text(event.kind.as_str()),
        Value::OptionalText(event.from.as_deref()),
        Value::Text(&event.to),
        Value::Text(&event.who),
        Value::Text(&event.why),
    ];
    transaction.rows(ADD_EVENT, values).await?;
    Ok(true)
}
