//! An agent has started an attempt.

use super::{
    Cluster,
    jobs::TaskRef,
    phase::{Held, Phase},
    timers::Timer,
};
use crate::{AttemptRow, AttemptState, Effects, Rate, Timestamp};

impl Cluster {
    /// Does nothing unless the attempt is assigned: a stop may have overtaken the report.
    pub(super) fn started(
        &mut self,
        now: Timestamp,
        at: TaskRef,
        said: Timestamp,
        effects: &mut Effects,
    ) {
        let task = &mut self.jobs.get_mut(at.job).tasks[at.task as usize];
        let Phase::Assigned(held) = task.phase else {
            return;
        };
        let started_at = said.clamp(held.assigned_at, now);
        task.become_running(started_at);
        if let Some(limit) = self.rules.get(task.run().rules).timeout_ms {
            self.timers.set(started_at.plus_ms(limit), Timer::Limit(at));
        }
        let mut row = self.attempt_row(at, &held, AttemptState::Assigned, AttemptState::Running);
        row.started_at = Some(started_at);
        effects.attempts.push(row);
        self.tell(at, effects);
    }

    /// A row that moves the current attempt; the caller fills in what else changes.
    pub(super) fn attempt_row(
        &self,
        at: TaskRef,
        held: &Held,
        from: AttemptState,
        state: AttemptState,
    ) -> AttemptRow {
        AttemptRow {
            key: self.attempt_key(at),
            from: Some(from),
            state,
            node: self.nodes.get(held.node).name.clone(),
            assigned_at: held.assigned_at,
            started_at: None,
            ended_at: None,
            exit_code: None,
            message: None,
            retry_at: None,
            decision: None,
            rate: Rate::default(),
        }
    }
}
