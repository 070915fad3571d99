//! Who makes room for more urgent tasks.

use drover_model::{AttemptKey, AttemptRow, AttemptState, Preemption, Priority, Timestamp};

use super::{Checker, groups::gang_of, step_of};
use crate::faults::occasion::Occasion;

impl Checker {
    /// A round of dispatch asks an attempt to stop.
    pub(super) fn makes_room(&mut self, row: &AttemptRow, now: Timestamp, ticked: Timestamp) {
        if row.state != AttemptState::StoppingRequeue {
            return;
        }
        let of = |preemption: &&Preemption| preemption.victims.contains(&row.key);
        let preemption = self.preemptions.iter().find(of).cloned();
        let holds = preemption
            .as_ref()
            .is_some_and(|preemption| self.may_stop(preemption, &row.key, now, ticked));
        self.require(holds, "only who agreed makes room", || {
            format!("{row:?} for {preemption:?}")
        });
        self.occasions.push(Occasion::Preempted);
    }

    /// A deadline that has passed since the last tick may or may not be known by now.
    fn may_stop(
        &self,
        preemption: &Preemption,
        victim: &AttemptKey,
        now: Timestamp,
        ticked: Timestamp,
    ) -> bool {
        let (Some(by), Some(of)) = (self.planned(preemption.job), self.planned(victim.job)) else {
            return false;
        };
        let escalated = |job, at| self.urgencies[&job].is_escalated(at);
        let is_urgent = by.spec.priority == Priority::URGENT || escalated(preemption.job, now);
        let priority = if escalated(preemption.job, now) {
            Priority::URGENT
        } else {
            by.spec.priority
        };
        let yields = of.spec.priority < priority && !escalated(victim.job, ticked);
        let step = step_of(&of.spec, victim.task);
        let agreed = step.is_some_and(|step| step.preemptible && step.rules.retry.rerun_lost);
        let is_alone = gang_of(&of.spec, victim.task).is_none();
        let takes_back = victim.task as usize >= of.spec.tasks.len();
        let is_last = !takes_back && of.spec.tasks[victim.task as usize].finally;
        by.spec.may_preempt && is_urgent && yields && agreed && is_alone && !takes_back && !is_last
    }
}
