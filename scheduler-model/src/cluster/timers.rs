//! What waits for time.

use std::collections::BTreeSet;

use super::{jobs::TaskRef, node::NodeSlot};
use crate::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A backoff ends.
    Retry(TaskRef),
    /// An attempt reaches its start-to-close limit.
    Limit(TaskRef),
    /// A node may have been silent for too long.
    Silence(NodeSlot),
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
