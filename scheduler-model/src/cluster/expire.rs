//! A task has waited for a node for longer than its schedule-to-start limit.

use std::sync::Arc;

use super::{Cluster, jobs::TaskRef};
use crate::{AttemptRow, AttemptState, Effects, Rate, Timestamp};

impl Cluster {
    /// Ends it with an attempt that never had a node. Waiting once more would not help, so there is no retry.
    pub(super) fn expire(&mut self, now: Timestamp, at: TaskRef, effects: &mut Effects) {
        self.withdraw(at);
        self.counters.expired_tasks += 1;
        let job = self.jobs.get_mut(at.job);
        let task = &mut job.tasks[at.task as usize];
        let (kind, first) = (task.kind, task.attempt == 0);
        task.become_expired();
        if first {
            job.counts.begin(kind);
        }
        let limit = self.rules.get(task.run().rules).start_timeout_ms;
        let seconds = limit.unwrap_or_default() as f64 / 1_000.0;
        effects.attempts.push(AttemptRow {
            key: self.attempt_key(at),
            from: None,
            state: AttemptState::Expired,
            node: Arc::default(),
            assigned_at: now,
            started_at: None,
            ended_at: Some(now),
            exit_code: None,
            message: Some(format!("found no node within {seconds} s").into()),
            retry_at: None,
            decision: None,
            rate: Rate::default(),
        });
        self.dissolve(at, effects);
        self.settle(now, at, effects);
    }
}
