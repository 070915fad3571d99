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

    /// Of a job that has just arrived: a deadline that has passed already is carried out before anything starts.
    pub(super) fn watch_or_pass_deadline(
        &mut self,
        now: Timestamp,
        slot: JobSlot,
        effects: &mut Effects,
    ) {
        match self.jobs.get(slot).deadline_due() {
            Some(due) if due <= now => self.pass_deadline(now, slot, effects),
            _ => self.watch_deadline(slot),
        }
    }

    pub(super) fn pass_deadline(&mut self, now: Timestamp, slot: JobSlot, effects: &mut Effects) {
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
        self.counters.deadline_actions += 1;
        job.intent = match job.failure_rule {
            FailureRule::Rollback => Intent::RollBack,
            FailureRule::FailFast | FailureRule::Continue => Intent::Expire,
        };
        job.set_message(Some(Arc::from("its deadline passed")));
        self.stop_rest(slot, Kind::Main, effects);
        self.advance(now, slot, effects);
        self.write_job(slot, now, effects);
    }

    /// Before everything else, whatever the policy's order.
    fn escalate(&mut self, slot: JobSlot) {
        self.counters.deadline_actions += 1;
        let job = self.jobs.get_mut(slot);
        job.priority = Priority::URGENT;
        job.escalated = true;
        for task in 0..self.jobs.get(slot).tasks.len() as u32 {
            let at = TaskRef { job: slot, task };
            if matches!(
                self.jobs.get(slot).tasks[task as usize].phase,
                Phase::Queued { .. }
            ) {
                self.rekey(at, self.key(at));
            }
        }
    }
}
