//! What can happen to a cluster.

use std::sync::Arc;

use bytes::Bytes;

use crate::policy::PolicySource;
use crate::{
    AttemptKey, AttemptState, CallerId, JobId, JobSpec, NodeAttributes, NodeName, NodeOverrides,
    PolicyEventKind, QueueRow, Resources, Score, SessionId, Timestamp, TurnNumber,
};

/// One input of [`crate::cluster::Cluster::step`].
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum Event {
    /// Store all of `jobs`, or none.
    Submit {
        caller: CallerId,
        jobs: Vec<NewJob>,
        /// The last turn that the look-up of the request ids saw. Later ones are checked by the model.
        looked_up: TurnNumber,
    },
    Cancel {
        caller: CallerId,
        job: JobId,
        how: Cancellation,
        reason: Box<str>,
    },
    /// Store what a queue gives to the tasks of jobs submitted from now on.
    SetQueue { caller: CallerId, queue: QueueRow },
    /// Rank by another policy from now on.
    UsePolicy {
        /// `None`: the coordinator itself wants it.
        caller: Option<CallerId>,
        switch: Box<PolicySwitch>,
    },
    /// An operator changes a node.
    ChangeNode {
        caller: CallerId,
        node: NodeName,
        change: NodeChange,
    },
    /// A question that only the model can answer.
    Ask {
        caller: CallerId,
        question: Question,
    },
    /// A report that came with a join and is taken before it, alone: while a poison event is looked for.
    Recover { node: NodeName, report: Report },
    /// An agent connected.
    Join { session: SessionId, join: Box<Join> },
    Reports {
        session: SessionId,
        batch: ReportBatch,
    },
    /// Who was heard from since the last event of this kind.
    Heard(Vec<Heard>),
    /// The agent of a session has been asked to end: it takes nothing new.
    Leaving { session: SessionId },
    /// A session's stream ended.
    Left { session: SessionId },
    /// Time has passed: fire what is due.
    Tick,
    /// There is nothing to be careful about any more ([`crate::cluster::Config::careful`]).
    Relax,
    /// What a policy decided.
    Dispatch(Decision),
}

/// What becomes of a job that somebody stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub enum Cancellation {
    /// Waiting tasks are cancelled, running ones stopped; `finally` tasks run.
    #[default]
    Stop,
    /// The same, and then the undo steps of what had finished.
    RollBack,
    /// Everything stops at once, also undo steps and `finally` tasks.
    Abandon,
}

/// Which policy is used from now on, and what the history says of it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PolicySwitch {
    pub policy: PolicySource,
    /// Refused if another is in use: it was judged against this one.
    pub instead_of: Option<Arc<str>>,
    pub kind: PolicyEventKind,
    pub who: Box<str>,
    pub why: Box<str>,
}

/// What an operator does to a node.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum NodeChange {
    /// Puts this on top of what operators said before.
    Override(Box<NodeOverrides>),
    /// Puts this in the place of what operators said before.
    Replace(Box<NodeOverrides>),
    /// Nothing new, until it is uncordoned.
    Cordon,
    /// Ends a cordon and a drain.
    Uncordon,
    /// A cordon; what still runs after this time is stopped and runs elsewhere. `None`: it may end by itself.
    Drain { after_ms: Option<u64> },
}

/// A job at the border.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct NewJob {
    pub id: JobId,
    pub name: Arc<str>,
    pub spec: JobSpec,
    pub request_id: Option<Arc<str>>,
    /// W3C trace context of the submit call.
    pub traceparent: Option<Arc<str>>,
    /// The user's own words, for the store. The model hands it through.
    pub stored_spec: Bytes,
    /// The dead job that this one replays.
    pub replay_of: Option<JobId>,
    /// Its tasks that have ended already, in ascending order of tasks; all that they need are among them.
    pub carried: Vec<Carried>,
}

/// The end of a task in a job that is replayed ([`crate::replay::carried`]).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Carried {
    pub task: u32,
    /// That it succeeded, or how it failed in an array that forgives it.
    pub state: AttemptState,
    pub node: NodeName,
    pub assigned_at: Timestamp,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Question {
    /// State of every task and why it waits. Answered with [`crate::Answer::Job`].
    Job(JobId),
    /// What speaks for and against each node, and the last decision. Answered with [`crate::Answer::Explained`].
    Explain { job: JobId, task: u32 },
    /// Answered with [`crate::Answer::Nodes`].
    Nodes,
    /// Answered with [`crate::Answer::Policy`].
    Policy,
    /// Answered with [`crate::Answer::Status`].
    Status,
}

/// First message of an agent.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Join {
    pub node: NodeName,
    /// Grows with each start of the agent process.
    pub incarnation: u64,
    pub agent_version: Box<str>,
    pub capacity: Resources,
    pub attributes: NodeAttributes,
    /// Attempts it holds that have not ended.
    pub running: Vec<AttemptKey>,
    /// What it has not seen acknowledged.
    pub reports: ReportBatch,
}

/// Reports in order.
#[derive(Clone, Debug, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct ReportBatch {
    /// Number of the last report.
    pub sequence: u64,
    pub reports: Vec<Report>,
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Report {
    pub key: AttemptKey,
    pub what: ReportKind,
}

impl Report {
    /// The agent did not take the attempt, because it is leaving. It may not have said that yet: that its guard has
    /// ended an agent can notice by an attempt that cannot start.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(
            self.what,
            ReportKind::Ended {
                outcome: Outcome::Refused,
                ..
            }
        )
    }
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum ReportKind {
    Started {
        /// Clock of the agent.
        at: Timestamp,
    },
    Ended {
        started_at: Timestamp,
        ended_at: Timestamp,
        outcome: Outcome,
        exit_code: Option<i32>,
        /// For people.
        message: Option<Box<str>>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Outcome {
    Succeeded,
    Failed,
    /// Ended because it was asked to, or never started.
    Stopped,
    /// Killed by its agent: it reported no progress for too long. Counts as timed out.
    Stalled,
    /// Killed by its agent, whose lease was over ([`crate::OnDisconnect::Stop`]). Counts as lost.
    Fenced,
    /// Never started: its agent is leaving. The task goes back to its queue at no cost.
    Refused,
}

/// Sign of life of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Heard {
    pub session: SessionId,
    pub at: Timestamp,
    /// Measured, 0 to 1000.
    pub cpu_permille: u32,
    pub memory_permille: u32,
}

/// What a round of dispatch proposes. Recorded like every event; the cluster validates it. The members of a gang follow each
/// other by rank; they are placed all, or none.
#[derive(Clone, Debug, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct Decision {
    pub placements: Vec<Placement>,
    /// First in order that fits nowhere now and holds a reservation (mode easy).
    pub reserved: Option<crate::dispatch::Reservation>,
    pub preemptions: Vec<Preemption>,
}

/// Stop these attempts of less urgent jobs, and keep the place for this task until it starts.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Preemption {
    pub job: JobId,
    pub task: u32,
    pub node: NodeName,
    /// All on that node. None where what stops there already is enough.
    pub victims: Vec<AttemptKey>,
}

/// Start this task there.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Placement {
    pub job: JobId,
    pub task: u32,
    /// So many placements from this one on are for one start: the members of a gang by rank. 1 for a task of its own, and
    /// for all members but the first, who speaks for them.
    pub together: u32,
    pub node: NodeName,
    /// Place in the order of the round, from 0.
    pub rank: u32,
    /// True when it passed over a task that waits for its reservation.
    pub backfilled: bool,
    pub score: Score,
    /// The second best of the nodes that were compared.
    pub runner_up: Option<RunnerUp>,
    /// How many nodes were.
    pub compared: u16,
}

/// The node that a task would have got otherwise.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RunnerUp {
    pub node: NodeName,
    pub score: Score,
}
