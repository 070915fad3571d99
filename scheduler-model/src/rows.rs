//! What is durable. Rows are changes as well as loaded state: `from` tells an insert (`None`) from an update, and is
//! what the store checks the old state against.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;

use crate::{
    AttemptKey, AttemptState, Epoch, Intent, JobId, JobSpec, JobState, NodeName, Resources,
    Timestamp, TurnNumber,
};

/// A job's changing part, with `new` in the row that inserts it.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct JobRow {
    pub id: JobId,
    /// `None` inserts.
    pub from: Option<JobState>,
    pub state: JobState,
    pub intent: Intent,
    /// Unset columns keep their value in an update.
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub message: Option<Arc<str>>,
    pub new: Option<Box<NewJobRow>>,
}

/// A job's fixed part.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct NewJobRow {
    pub namespace: Arc<str>,
    pub name: Arc<str>,
    pub queue: Arc<str>,
    pub priority: u8,
    pub submitted_at: Timestamp,
    pub deadline: Option<Timestamp>,
    pub request_id: Option<Arc<str>>,
    pub traceparent: Option<Arc<str>>,
    pub task_count: u32,
    pub stored_spec: Bytes,
    /// The dead job that this one replays; its dead letter goes away with this row.
    pub replay_of: Option<JobId>,
}

/// An attempt. Tasks have no rows: their states follow from attempts, dependencies and the job's intent.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AttemptRow {
    pub key: AttemptKey,
    /// `None` inserts.
    pub from: Option<AttemptState>,
    pub state: AttemptState,
    /// Always set; written by the insert only. Empty when it never had one ([`AttemptState::Expired`]).
    pub node: NodeName,
    /// Always set; written by the insert only.
    pub assigned_at: Timestamp,
    /// Unset columns keep their value in an update.
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub exit_code: Option<i32>,
    pub message: Option<Box<str>>,
    /// Set on an attempt that did not succeed when another follows: when, at the earliest.
    pub retry_at: Option<Timestamp>,
    /// Why it was chosen and placed. Written by the insert only; at most 64 bytes.
    pub decision: Option<Box<str>>,
}

/// A host that has joined. Upserted at each join.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NodeRow {
    pub name: NodeName,
    pub incarnation: u64,
    pub agent_version: Box<str>,
    pub capacity: Resources,
    pub labels: BTreeMap<String, String>,
    pub joined_at: Timestamp,
}

/// What a queue gives to the tasks of its jobs. The model hands it through.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct QueueRow {
    pub namespace: Arc<str>,
    pub name: Arc<str>,
    /// The user's own words.
    pub settings: Bytes,
}

/// Everything open, from the store.
#[derive(Clone, Debug, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct Snapshot {
    pub epoch: Epoch,
    /// The last committed.
    pub turn: TurnNumber,
    /// Model time never goes below this.
    pub model_time: Timestamp,
    /// By name.
    pub nodes: Vec<NodeRow>,
    /// By id.
    pub jobs: Vec<LoadedJob>,
}

/// An open job.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct LoadedJob {
    pub row: JobRow,
    pub submitted_at: Timestamp,
    pub traceparent: Option<Arc<str>>,
    pub spec: JobSpec,
    /// All of them, by task and number.
    pub attempts: Vec<AttemptRow>,
}
