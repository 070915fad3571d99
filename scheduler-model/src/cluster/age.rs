//! Tasks that have waited for very long go before others ([`super::Config::age_cap_ms`]).
//!
//! A queue may be a million tasks long, so none has a timer of its own. They are noted in the order in which they were
//! queued, which is the order in which their time comes, and one timer looks at the first. Those that have started
//! meanwhile are dropped when they get there, or when they are more than those that wait.

use std::collections::VecDeque;

use super::{Cluster, jobs::TaskRef, phase::Phase, task::Task, timers::Timer};
use crate::{Timestamp, cluster::Config};

/// Key of such a task: behind those that are escalated, and before all others.
pub(crate) const AGED: i64 = i64::MIN + 1;

/// A policy's key, behind those of what is escalated or has aged.
pub(crate) fn behind_aged(key: i64) -> i64 {
    key.max(AGED + 1)
}

/// Stale notes below this number are not worth looking for.
const STALE: usize = 4_096;

/// So many are looked at before other timers have their turn.
const AT_ONCE: usize = 2_000;

/// When queued tasks began to wait.
#[derive(Debug, Default)]
pub(crate) struct Ages {
    /// Oldest first; some wait no more.
    since: VecDeque<(Timestamp, TaskRef)>,
    /// Whether the timer is set.
    is_watched: bool,
}

impl Cluster {
    /// A task has just been queued.
    pub(super) fn watch_age(&mut self, now: Timestamp, at: TaskRef) {
        let due = now.plus_ms(self.config.age_cap_ms);
        if due == Timestamp::MAX {
            return;
        }
        self.ages.since.push_back((now, at));
        if !self.ages.is_watched {
            self.ages.is_watched = true;
            self.timers.set(due, Timer::Age);
        }
        if self.ages.since.len() > 2 * self.ready.len() + STALE {
            let mut ages = std::mem::take(&mut self.ages.since);
            ages.retain(|(since, at)| self.waits_since(*since, *at));
            self.ages.since = ages;
        }
    }

    fn waits_since(&self, since: Timestamp, at: TaskRef) -> bool {
        if self.jobs.id_at(at.job).is_none() {
            return false;
        }
        // The place may have another job by now, which is as good if it fits.
        let task = self.jobs.get(at.job).tasks.get(at.task as usize);
        let phase = task.map(|task| task.phase);
        matches!(phase, Some(Phase::Queued { since: begun, .. }) if begun == since)
    }

    /// The time of the first may have come.
    pub(super) fn look_at_ages(&mut self, now: Timestamp) {
        let most = if self.config.careful { 1 } else { AT_ONCE };
        for _ in 0..most {
            let Some((since, at)) = self.ages.since.front().copied() else {
                self.ages.is_watched = false;
                return;
            };
            let due = since.plus_ms(self.config.age_cap_ms);
            if due > now {
                self.timers.set(due, Timer::Age);
                return;
            }
            self.ages.since.pop_front();
            if self.waits_since(since, at) {
                self.at_work = self.jobs.id_at(at.job);
                self.grow_old(at);
            }
        }
        self.timers.set(now.plus_ms(1), Timer::Age);
    }

    fn grow_old(&mut self, at: TaskRef) {
        let entry = self.jobs.entry(at).expect("only queued tasks grow old");
        if entry.key > AGED {
            self.rekey(at, AGED);
        }
    }
}

impl Task {
    /// Whether it has waited longer than the cap, and its place in the index says so.
    pub(crate) fn is_aged(&self, key: i64, config: &Config, now: Timestamp) -> bool {
        key <= AGED && self.has_aged(config, now)
    }

    fn has_aged(&self, config: &Config, now: Timestamp) -> bool {
        let Phase::Queued { since, .. } = self.phase else {
            return false;
        };
        since.plus_ms(config.age_cap_ms) <= now
    }
}
