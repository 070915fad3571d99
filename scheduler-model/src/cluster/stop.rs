//! What must not go on is cancelled or asked to stop.

use super::{
    Cluster,
    jobs::{JobSlot, TaskRef},
    phase::{Kind, Phase, StopCause},
    timers::Timer,
};
use crate::{Action, AttemptRow, Effects, SessionId};

impl Cluster {
    /// Nothing of this kind is meant to run any more: waiting tasks are cancelled, active ones asked to stop.
    pub(super) fn stop_rest(&mut self, slot: JobSlot, kind: Kind, effects: &mut Effects) {
        for task in 0..self.jobs.get(slot).tasks.len() as u32 {
            let at = TaskRef { job: slot, task };
            if self.jobs.get(slot).tasks[task as usize].kind == kind {
                self.stop_one(at, effects);
            }
        }
    }

    /// A task is not meant to go on.
    pub(super) fn stop_one(&mut self, at: TaskRef, effects: &mut Effects) {
        match self.jobs.get(at.job).tasks[at.task as usize].phase {
            Phase::Queued { .. } => {
                self.withdraw(at);
                self.cancel_waiting(at, effects);
            }
            Phase::Retrying { until } => {
                self.timers.forget(until, Timer::Retry(at));
                self.cancel_waiting(at, effects);
            }
            Phase::Pending { .. } | Phase::Gathering => self.cancel_waiting(at, effects),
            Phase::Assigned(_)
            | Phase::Running { .. }
            | Phase::Stopping {
                cause: StopCause::Timeout | StopCause::Requeue,
                ..
            } => self.stop(at, StopCause::Cancel, effects),
            // What it has done is there.
            Phase::Arrived(_) => {
                let job = self.jobs.get_mut(at.job);
                let task = &mut job.tasks[at.task as usize];
                task.become_succeeded();
                job.counts.end(task);
                job.note_end(at.task);
                self.tell(at, effects);
            }
            _ => {}
        }
    }

    fn cancel_waiting(&mut self, at: TaskRef, effects: &mut Effects) {
        let job = self.jobs.get_mut(at.job);
        if job.tasks[at.task as usize].phase.is_under_way() {
            job.leave_array(at.task);
        }
        let task = &mut job.tasks[at.task as usize];
        task.become_cancelled();
        job.counts.end(task);
        self.tell(at, effects);
    }

    /// Asks the agent to stop an active attempt.
    pub(super) fn stop(&mut self, at: TaskRef, cause: StopCause, effects: &mut Effects) {
        self.stop_because(at, cause, None, effects);
    }

    /// The same, with a word for the record.
    pub(super) fn stop_because(
        &mut self,
        at: TaskRef,
        cause: StopCause,
        message: Option<Box<str>>,
        effects: &mut Effects,
    ) {
        let phase = &self.jobs.get(at.job).tasks[at.task as usize].phase;
        let held = *phase.held().expect("only an active attempt is stopped");
        let from = phase
            .attempt_state()
            .expect("only an active attempt is stopped");
        let task = &mut self.jobs.get_mut(at.job).tasks[at.task as usize];
        task.become_stopping(cause);
        let to = task.phase.attempt_state().expect("it is stopping");
        effects.attempts.push(AttemptRow {
            message,
            ..self.attempt_row(at, &held, from, to)
        });
        if let Some(session) = self.nodes.get(held.node).session() {
            effects.actions.push(self.stop_action(session, at));
        }
        self.tell(at, effects);
    }

    pub(super) fn stop_action(&self, session: SessionId, at: TaskRef) -> Action {
        let task = &self.jobs.get(at.job).tasks[at.task as usize];
        Action::Stop {
            session,
            key: self.attempt_key(at),
            grace_ms: self.rules.get(task.run().rules).grace_ms,
        }
    }
}
