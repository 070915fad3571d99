//! What can happen to a cluster.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;

use crate::{
    AttemptKey, CallerId, JobId, JobSpec, NodeName, QueueRow, Resources, SessionId, Timestamp,
    TurnNumber,
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
    /// Its tasks that count as done already, in ascending order of tasks; all that they need are among them.
    pub carried: Vec<Carried>,
}

/// The success of a task in a job that is replayed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Carried {
    pub task: u32,
    pub node: NodeName,
    pub assigned_at: Timestamp,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Question {
    /// State of every task and why it waits. Answered with [`crate::Answer::Job`].
    Job(JobId),
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
    pub labels: BTreeMap<String, String>,
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

/// What a round of dispatch proposes. Recorded like every event; the cluster validates it.
#[derive(Clone, Debug, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct Decision {
    pub placements: Vec<Placement>,
    /// First in order that fits nowhere now and holds a reservation (mode easy).
    pub reserved: Option<crate::dispatch::Reservation>,
}

/// Start this task there.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Placement {
    pub job: JobId,
    pub task: u32,
    pub node: NodeName,
    /// Place in the order of the round, from 0.
    pub rank: u32,
    /// True when it passed over a task that waits for its reservation.
    pub backfilled: bool,
}
