//! What is durable. Rows are changes as well as loaded state: `from` tells an insert (`None`) from an update, and is
//! what the store checks the old state against.

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    Admission, AttemptKey, AttemptState, Epoch, Intent, JobId, JobSpec, JobState, NodeAttributes,
    NodeName, NodeOverrides, PolicyEventKind, Resources, Timestamp, TurnNumber,
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
    /// What it costs while it holds its resources: its share of the node. Written by the insert only.
    pub rate: Rate,
}

/// What holding resources costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Rate {
    /// Millionths of the money's unit.
    pub cost_per_hour_micros: u64,
    pub power_milliwatts: u64,
}

impl Rate {
    /// Of holding `demand` on a node: its whole cost and power by the largest share of any resource.
    pub fn of(attributes: &NodeAttributes, capacity: &Resources, demand: &Resources) -> Self {
        let of = |whole: u64| {
            let (part, all) = demand.dominant_share(capacity);
            let share = u128::from(whole) * u128::from(part);
            u64::try_from(share.checked_div(all.into()).unwrap_or(0)).unwrap_or(u64::MAX)
        };
        Self {
            cost_per_hour_micros: of(attributes.cost_per_hour_micros),
            power_milliwatts: of(u64::from(attributes.power_watts) * 1000),
        }
    }
}

/// A host that has joined. Upserted at each join that changes something, and when an operator does.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NodeRow {
    pub name: NodeName,
    pub incarnation: u64,
    pub agent_version: Box<str>,
    pub capacity: Resources,
    /// As its agent says.
    pub given: NodeAttributes,
    pub overrides: NodeOverrides,
    pub admission: Admission,
    /// When this incarnation of its agent first joined. What was assigned there before, it was never told.
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

/// An entry in the history of policies. One that switches also makes `to` live and retires what was.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PolicyEventRow {
    pub at: Timestamp,
    pub kind: PolicyEventKind,
    /// What was in use.
    pub from: Option<Arc<str>>,
    /// The version that it is about; after a switch it is in use.
    pub to: Arc<str>,
    /// A person, or a part of the program.
    pub who: Box<str>,
    /// For people. May be empty.
    pub why: Box<str>,
}

/// What was learned of run times. Upserted every 30 s at most; what a crash loses is learned again.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct EstimateRow {
    pub signature: u64,
    /// `None`: of all nodes.
    pub node: Option<NodeName>,
    pub learned: Learned,
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Learned {
    /// How many runs fell into which bucket, ascending ([`crate::estimate`]).
    Runs(Box<[(u16, u64)]>),
    /// How much longer or shorter than elsewhere runs took on this node.
    Speed {
        runs: u64,
        /// Sum of ln(typical / run time), in thousandths.
        log_sum_milli: i64,
    },
    /// Nothing is kept of this signature any more, on no node. Comes before what else a turn says of it.
    Forgotten,
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
    /// By signature and node.
    pub estimates: Vec<EstimateRow>,
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
