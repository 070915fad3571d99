//! What a step wants done.

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    Admission, AttemptKey, AttemptRow, CallerId, DecisionView, EstimateRow, JobId, JobRow,
    JobState, NodeAttributes, NodeName, NodeOverrides, NodeRow, NodeState, OnDisconnect,
    PolicyEventRow, QueueRow, Resource, Resources, SessionId, TaskExplanation, TaskState,
    Timestamp, TurnNumber, Unmet, Weights,
};

/// Everything that follows from events, in order. Rows are committed first; only then is anything else performed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Effects {
    /// The turn that these belong to.
    pub turn: TurnNumber,
    pub jobs: Vec<JobRow>,
    /// Size of the specs in `jobs`.
    pub spec_bytes: usize,
    pub attempts: Vec<AttemptRow>,
    pub nodes: Vec<NodeRow>,
    pub queues: Vec<QueueRow>,
    pub policy_events: Vec<PolicyEventRow>,
    pub estimates: Vec<EstimateRow>,
    pub actions: Vec<Action>,
    /// For watchers, metrics and traces.
    pub transitions: Vec<Transition>,
}

impl Effects {
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
            && self.attempts.is_empty()
            && self.nodes.is_empty()
            && self.queues.is_empty()
            && self.policy_events.is_empty()
            && self.estimates.is_empty()
            && self.actions.is_empty()
            && self.transitions.is_empty()
    }
}

/// What leaves the process once the commit has succeeded.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub enum Action {
    Reply {
        caller: CallerId,
        answer: Answer,
    },
    Welcome {
        session: SessionId,
        /// Attempts the agent named that are not current.
        discard: Vec<AttemptKey>,
    },
    Ack {
        session: SessionId,
        sequence: u64,
    },
    Assign {
        session: SessionId,
        assignment: Assignment,
    },
    Stop {
        session: SessionId,
        key: AttemptKey,
        /// From SIGTERM to SIGKILL.
        grace_ms: u32,
    },
    Close {
        session: SessionId,
        reason: CloseReason,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Assignment {
    pub key: AttemptKey,
    pub payload: Bytes,
    pub traceparent: Option<Arc<str>>,
    /// What the agent does with it when its lease ends, and from SIGTERM to SIGKILL then.
    pub on_disconnect: OnDisconnect,
    pub grace_ms: u32,
    /// `None`: it is no instance of anything.
    pub instance: Option<Instance>,
}

/// Which of how many.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Instance {
    /// From 0.
    pub index: u32,
    pub count: u32,
    pub of: InstanceOf,
}

/// What a task, or undo step, is an instance of.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub enum InstanceOf {
    Array,
    /// Undo steps of a gang have no peers: they do not run together.
    Gang(Option<Peers>),
}

/// Where the members of a gang are.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Peers {
    /// Of their nodes, by rank.
    pub addresses: Arc<[Arc<str>]>,
    pub ring: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum CloseReason {
    /// A newer incarnation, or a newer connection, of the same node has joined.
    Superseded,
    /// The node was silent too long; it may join again.
    TimedOut,
}

/// What a caller hears.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub enum Answer {
    /// In the order of the jobs of the event.
    Submitted(Vec<Submitted>),
    CancelAccepted,
    /// `None`: not open; the store has the whole record.
    Job(Option<JobView>),
    /// By name.
    Nodes(Vec<NodeView>),
    Policy(PolicyView),
    QueueSet,
    /// The policy that was wanted is in use.
    PolicyUsed {
        /// The one before; the same if nothing had to be done.
        before: Arc<str>,
    },
    /// The node as it is now.
    NodeSet(Box<NodeView>),
    Explained {
        /// `None`: the job is not open, or has no such task.
        task: Option<Box<TaskExplanation>>,
        /// Of its last attempt, if that was decided lately; the job may have ended since.
        decision: Option<Box<DecisionView>>,
    },
    Status(StatusView),
    Refused(Refusal),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Submitted {
    pub job: JobId,
    /// True when the request id was known.
    pub duplicate: bool,
}

/// Why nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, serde::Serialize)]
pub enum Refusal {
    /// Not open. It may never have existed, or have ended: the store knows.
    #[error("no open job {0}")]
    NotOpen(JobId),
    #[error("job {0} is being cancelled already")]
    AlreadyCancelling(JobId),
    #[error("job {0} is rolling back already; abandon it to leave it as it is")]
    RollingBack(JobId),
    #[error(
        "job {0} has run its tasks, and only its `finally` tasks are left; it can be abandoned"
    )]
    Finishing(JobId),
    #[error("job {0} has no finished task with an undo step; cancel it instead")]
    NothingToUndo(JobId),
    /// As configured ([`crate::cluster::Config::refuse_impossible`]).
    #[error("task {task} of the job could never start on the nodes that have joined")]
    Impossible {
        /// Its place in the submitted list of jobs.
        job: u32,
        task: u32,
        reason: Box<PendingReason>,
    },
    #[error("no node `{0}` has ever joined")]
    UnknownNode(NodeName),
    #[error(
        "operators have said more than {most} labels of node `{0}`; take some back with `--reset`",
        most = NodeOverrides::MAX_LABELS
    )]
    TooManyLabels(NodeName),
    #[error("policy `{version}` cannot be used: {problem}")]
    UnusablePolicy {
        version: Arc<str>,
        problem: Box<str>,
    },
    #[error("policy `{expected}` is no longer in use: `{found}` is")]
    OtherPolicy { expected: Arc<str>, found: Arc<str> },
    #[error("request_id `{0}` was used for a different job")]
    RequestIdReused(Arc<str>),
    /// The look-up of the request id is too old to be trusted.
    #[error("the request waited too long; the same request_id is safe to send again")]
    LookupStale,
}

/// An open job as the model sees it.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct JobView {
    /// In the order of the spec.
    pub tasks: Vec<TaskView>,
}

#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct TaskView {
    pub state: TaskState,
    /// Present while the task waits.
    pub pending: Option<PendingReason>,
    /// `None` for one that stands for a group.
    pub estimate: Option<EstimateView>,
}

/// How long one attempt is expected to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct EstimateView {
    pub source: EstimateSource,
    pub median_ms: u64,
    /// One run in ten takes longer.
    pub high_ms: u64,
    /// How many runs it is learned from.
    pub runs: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum EstimateSource {
    Stated,
    /// Earlier runs of the same.
    Signature,
    /// Earlier runs of anything in the queue.
    WideSignature,
    /// Nothing is known.
    Default,
}

/// What a leadership has seen so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct StatusView {
    pub counters: crate::cluster::Counters,
    pub open_jobs: u64,
    pub queued_tasks: u64,
    /// Assigned, running or stopping.
    pub active_tasks: u64,
}

/// Why a task waits.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub enum PendingReason {
    /// Tasks that it needs have not ended: the first of them, and how many.
    Dependency {
        task: u32,
        unmet: u32,
    },
    Backoff {
        until: Timestamp,
    },
    /// Runs when everything else has ended.
    Finally,
    /// So many instances of its array are under way, and no more may be.
    ArrayLimit {
        parallel: u32,
    },
    /// Its gang starts when all of its members can: so many of them wait.
    GangIncomplete {
        waiting: u32,
        size: u32,
    },
    /// So many members of its gang would fit on the nodes that there are, were these empty.
    GangTooLarge {
        size: u32,
        fitting: u32,
    },
    /// So many attempts were asked to stop to make room for it.
    Preempts {
        victims: u32,
    },
    /// No agent is connected, or all of them are leaving.
    NoNodes,
    /// Every node on which it would fit is quarantined; the first is free again at this time.
    Quarantined {
        until: Timestamp,
    },
    /// No node, even when empty, has enough of this.
    NoNodeFits {
        resource: Resource,
        wanted: u64,
        /// The most that any one node has.
        largest: u64,
    },
    /// No node meets this constraint; how many nodes there are.
    ConstraintUnmet {
        unmet: Unmet,
        nodes: u32,
    },
    /// Every node on which it could run gets nothing new: how many are cordoned, drained or leaving.
    Draining {
        nodes: u32,
    },
    /// Every node with room holds a task that it must be apart from.
    Apart {
        group: u32,
    },
    /// Fits somewhere in principle; nothing of this size is free now. `reserved` holds node and expected start when the
    /// task has a reservation.
    WaitsForCapacity {
        resource: Resource,
        /// `None` where counting would take too long, or no order lasts longer than a round.
        position: Option<Position>,
        reserved: Option<(Vec<NodeName>, Timestamp)>,
    },
    /// Would fit, but may not delay the task that holds the reservation.
    HeldForReservation {
        job: JobId,
        task: u32,
    },
    /// Others come first.
    Outranked {
        position: Option<Position>,
        policy: Arc<str>,
    },
}

/// Place in the order of the policy, from 1. Counting ends at [`Position::LIMIT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Position(pub u32);

impl Position {
    pub const LIMIT: u32 = 10_000;
}

#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct NodeView {
    pub name: NodeName,
    pub state: NodeState,
    /// Set while `state` is [`NodeState::Quarantined`].
    pub quarantined_until: Option<Timestamp>,
    /// How often it was lost lately.
    pub losses: u32,
    pub capacity: Resources,
    pub free: Resources,
    /// What counts, operators' words included.
    pub attributes: NodeAttributes,
    pub admission: Admission,
    pub agent_version: Box<str>,
    pub active_attempts: u32,
    pub cpu_permille: u32,
    pub memory_permille: u32,
    /// Learned: 2000 is twice as fast as its peers at the same work.
    pub speed_permille: u32,
    pub last_heard: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct PolicyView {
    pub policy: Arc<str>,
    pub mode: crate::dispatch::Mode,
    pub weights: Weights,
}

/// A change of state that somebody may want to see.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub enum Transition {
    Task {
        job: JobId,
        task: u32,
        to: TaskState,
        /// 0 before the first.
        attempt: u32,
        node: Option<NodeName>,
    },
    Job {
        job: JobId,
        to: JobState,
        message: Option<Arc<str>>,
    },
}
