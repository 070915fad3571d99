//! What has happened since this coordinator was started, counted across its leaderships.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use drover_model::{StatusView, cluster::Counters};
use drover_proto::status;

macro_rules! counts {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),+ $(,)?) => {
        /// Something that the coordinator itself counts; the model has [`Counters`] of its own.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Count { $($(#[$doc])* $variant),+ }

        const NAMES: &[&str] = &[$($name),+];
    };
}

counts! {
    /// Leaderships that began.
    Leaderships = "leaderships",
    /// Leaderships that ended otherwise than by a shutdown.
    Reloads = "reloads",
    /// Events that the model panicked on, or whose rows the store refused.
    PoisonEvents = "poison_events",
    /// Jobs ended in the record because nothing could be done with them.
    ParkedJobs = "parked_jobs",
    /// Policies given up for the fallback rule.
    PolicyFallbacks = "policy_fallbacks",
    /// Blocks of ended jobs that the guard has taken.
    GuardBlocks = "guard_blocks",
    /// Commits whose answer was lost or did not come.
    UnknownCommits = "unknown_commits",
    /// Commits sent again because the lease row showed that they had not happened.
    CommitsSentAgain = "commits_sent_again",
    /// Commits that were answered when the lease had run out: nothing of them was performed.
    LateCommits = "late_commits",
    /// Requests refused because too many waited.
    ShedRequests = "shed_requests",
    /// Sessions closed because a newer one of the same node joined.
    SessionsSuperseded = "sessions_superseded",
    /// Sessions closed because the node was silent.
    SessionsTimedOut = "sessions_timed_out",
    /// Sessions closed because the agent did not read what it was sent.
    SessionsTooSlow = "sessions_too_slow",
}

/// All counts. Grow only.
#[derive(Debug)]
pub(crate) struct Tally {
    own: [AtomicU64; NAMES.len()],
    /// Of the model, in leaderships that have ended.
    ended: Mutex<BTreeMap<String, u64>>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            own: std::array::from_fn(|_| AtomicU64::new(0)),
            ended: Mutex::default(),
        }
    }
}

impl Tally {
    pub(crate) fn add(&self, count: Count) {
        self.own[count as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Keeps what the model of an ended leadership has counted.
    pub(crate) fn keep(&self, counters: Counters) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, value) in named(counters) {
            *ended.entry(name).or_default() += value;
        }
    }

    /// By name, with what the model of a leadership that goes on has counted so far.
    pub(crate) fn read(&self, live: Counters) -> BTreeMap<String, u64> {
        let mut counts: BTreeMap<String, u64> = NAMES
            .iter()
            .zip(&self.own)
            .map(|(name, value)| ((*name).to_owned(), value.load(Ordering::Relaxed)))
            .collect();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, value) in named(live) {
            let before = ended.get(&name).copied().unwrap_or(0);
            counts.insert(name, before + value);
        }
        counts
    }
}

fn named(counters: Counters) -> BTreeMap<String, u64> {
    let view = StatusView {
        counters,
        ..StatusView::default()
    };
    status::status(&view).counters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_the_model_add_up_across_leaderships() {
        let tally = Tally::default();
        let counters = Counters {
            stale_reports: 2,
            ..Counters::default()
        };
        tally.keep(counters);
        tally.keep(counters);
        tally.add(Count::Reloads);
        let counts = tally.read(counters);
        assert_eq!((counts["stale_reports"], counts["reloads"]), (6, 1));
        assert_eq!(counts["lost_attempts"], 0);
        assert_eq!(counts["sessions_too_slow"], 0);
    }
}
