//! What waits for time.

use std::collections::BTreeSet;

use super::{
    jobs::{JobSlot, TaskRef},
    node::NodeSlot,
};
use crate::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A backoff ends.
    Retry(TaskRef),
    /// An attempt reaches its start-to-close limit.
    Limit(TaskRef),
    /// A task reaches its schedule-to-start limit.
    StartBy(TaskRef),
    /// A job reaches its deadline, and something follows from that.
    Deadline(JobSlot),
    /// A node may have new work again.
    Quarantine(NodeSlot),
    /// A node may have been silent for too long.
    Silence(NodeSlot),
    /// A task may have waited for very long.
    Age,
    /// What still runs on a node that is drained has to stop.
    Drain(NodeSlot),
    /// More of what a node held is to be given up.
    Leftover(NodeSlot),
    /// What was learned of run times is to be written.
    Estimates,
}

impl Timer {
    /// The job that it is about.
    pub(crate) fn job(&self) -> Option<JobSlot> {
        match self {
            Self::Retry(at) | Self::Limit(at) | Self::StartBy(at) => Some(at.job),
            Self::Deadline(job) => Some(*job),
            Self::Quarantine(_)
            | Self::Silence(_)
            | Self::Age
            | Self::Drain(_)
            | Self::Leftover(_)
            | Self::Estimates => None,
        }
    }
}

/// Set once, fired once, in order of time.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    due: BTreeSet<(Timestamp, Timer)>,
}

impl Timers {
    pub(crate) fn set(&mut self, at: Timestamp, timer: Timer) {
        self.due.insert((at, timer));
    }

    /// Takes a timer back. It may have fired already.
    pub(crate) fn forget(&mut self, at: Timestamp, timer: Timer) {
        self.due.remove(&(at, timer));
    }

    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        self.due.pop_first().map(|(_, timer)| timer)
    }
}
