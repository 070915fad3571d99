//! What a session takes and gives.

use crate::{
    Assignment, AttemptKey, Epoch, Join, NodeAttributes, NodeName, Outcome, Report, Resources,
    Timestamp,
};

/// Who the agent is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub node: NodeName,
    /// Grows with each start of the agent process.
    pub incarnation: u64,
    pub agent_version: Box<str>,
    pub capacity: Resources,
    pub attributes: NodeAttributes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A connection is there; the first message on it is the join, which is sent now.
    Connected {
        now: Elapsed,
    },
    Welcome(Welcome),
    /// When it came, on both clocks.
    Assigned {
        assignment: Assignment,
        now: Timestamp,
        elapsed: Elapsed,
    },
    Stop {
        key: AttemptKey,
        grace_ms: u64,
        now: Timestamp,
    },
    Acknowledged {
        sequence: u64,
    },
    /// Counts the agent's lease from when that heartbeat was sent.
    HeartbeatAcknowledged {
        number: u64,
    },
    /// [`super::Session::lease_end`] has passed: what must not outlive the lease is killed. Does nothing if it has not.
    LeaseOver {
        now: Elapsed,
    },
    Disconnected,
    /// The executor has started what it was told to.
    Started {
        key: AttemptKey,
        at: Timestamp,
    },
    /// It is over; with or without [`Input::Started`] before. Once for each [`Output::Start`].
    Ended {
        key: AttemptKey,
        end: End,
    },
    HeartbeatDue {
        now: Elapsed,
        cpu_permille: u32,
        memory_permille: u32,
    },
    /// End everything, accept nothing. Each attempt has its own grace, and this one at most.
    Leave {
        longest_grace_ms: u64,
    },
}

/// Milliseconds since some moment before the agent process started, on a clock that never jumps and goes on while the host sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Elapsed(pub u64);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    pub epoch: Epoch,
    pub heartbeat_interval_ms: u32,
    pub node_timeout_ms: u32,
    /// How long after the sending of the last acknowledged heartbeat attempts may run that must not outlive the lease. With
    /// `fence_grace_ms` it is shorter than the node timeout.
    pub lease_ms: u32,
    /// Longest time from SIGTERM to SIGKILL for them then.
    pub fence_grace_ms: u32,
    pub discard: Vec<AttemptKey>,
}

/// How an attempt ended. Times are the agent's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    pub outcome: Outcome,
    pub exit_code: Option<i32>,
    /// For people.
    pub message: Option<Box<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// First message of the connection.
    Join(Box<Join>),
    Heartbeat {
        number: u64,
        cpu_permille: u32,
        memory_permille: u32,
    },
    /// Say that the agent takes nothing new, before any report that follows.
    Leaving,
    Start(Assignment),
    Stop {
        key: AttemptKey,
        grace_ms: u64,
    },
    /// Append it to the journal, before any report is sent: if the agent dies, the next incarnation gives it to
    /// [`super::Session::new`].
    Journal(Report),
    /// Everything has been acknowledged: empty the journal.
    JournalEmpty,
    /// Kill it at once; nobody waits for its end.
    Discard {
        key: AttemptKey,
    },
    /// End the connection; [`Input::Disconnected`] follows.
    Close(Reason),
}

/// Why the agent ends a connection. It connects again by itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("the coordinator acknowledges no reports")]
    OutboxFull,
    /// Assignments were passed over meanwhile; a new join makes the coordinator send them again.
    #[error("reports have been acknowledged again; joining anew to receive what was passed over")]
    Drained,
    #[error("the coordinator acknowledges no heartbeats")]
    HeartbeatsUnanswered,
    #[error("the coordinator is not the newest: it leads epoch {}, and {} was seen", .offered.0, .seen.0)]
    OlderEpoch { seen: Epoch, offered: Epoch },
    #[error("the coordinator does not follow the protocol: unexpected {0}")]
    Unexpected(&'static str),
}
