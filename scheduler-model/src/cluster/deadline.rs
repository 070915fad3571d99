//! The deadline of a job passes.

use std::sync::Arc;

use super::{
    Cluster, job::Job, jobs::JobSlot, jobs::TaskRef, phase::Kind, phase::Phase, timers::Timer,
};
use crate::{DeadlineAction, Effects, FailureRule, Intent, Priority, Timestamp};

impl Job {
    /// When its deadline is due, if anything follows from that.
    pub(super) fn deadline_due(&self) -> Option<Timestamp> {
        self.deadline
            .get()
            .filter(|_| self.deadline_action != DeadlineAction::None)
    }
}

impl Cluster {
    pub(super) fn watch_deadline(&mut self, slot: JobSlot) {
        if let Some(due) = self.jobs.get(slot).deadline_due() {
            self.timers.set(due, Timer::Deadline(slot));
        }
    }

    pub(super) fn pass_deadline(&mut self, now: Timestamp, slot: JobSlot, effects: &mut Effects) {
        self.counters.deadline_actions += 1;
        match self.jobs.get(slot).deadline_action {
            DeadlineAction::None => {}
            DeadlineAction::Escalate => self.escalate(slot),
            DeadlineAction::Cancel => self.expire_job(now, slot, effects),
        }
    }

    /// A job that has run its tasks, or is being stopped, is left to that.
    fn expire_job(&mut self, now: Timestamp, slot: JobSlot, effects: &mut Effects) {
        let job = self.jobs.get_mut(slot);
        if job.stage != Kind::Main || job.intent != Intent::Run {
            return;
        }
        job.intent = match job.failure_rule {
            FailureRule::Rollback => Intent::RollBack,
            FailureRule::FailFast | FailureRule::Continue => Intent::Expire,
        };
        job.set_message(Some(Arc::from("its deadline passed")));
        self.stop_rest(slot, Kind::Main, effects);
        self.advance(now, slot, effects);
        self.write_job(slot, now, effects);
    }

    /// Not recorded: after a load the deadline passes again.
    fn escalate(&mut self, slot: JobSlot) {
        self.jobs.get_mut(slot).priority = Priority::URGENT;
        for task in 0..self.jobs.get(slot).tasks.len() as u32 {
            let at = TaskRef { job: slot, task };
            if matches!(
                self.jobs.get(slot).tasks[task as usize].phase,
                Phase::Queued { .. }
            ) {
                self.rekey(at);
            }
        }
    }
}
