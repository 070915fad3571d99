//! Who makes room for more urgent tasks.

use drover_model::{AttemptKey, AttemptRow, AttemptState, JobId, Preemption, Priority, Timestamp};

use super::{Checker, groups::gang_of, step_of, tally::Tally, view::View};
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

    /// Beside each that stops the task would not fit. Judged where nobody else has a place made for him.
    pub(super) fn nobody_stops_in_vain(&mut self, view: &View) {
        for preemption in self.preemptions.clone() {
            let host = view.hosts.get(&preemption.node);
            let Some(host) = host.filter(|_| view.places_on(&preemption.node) == 1) else {
                continue;
            };
            let mut wanted = self.demand(preemption.job, preemption.task);
            for (key, state) in &host.active {
                if matches!(state, AttemptState::Assigned | AttemptState::Running) {
                    wanted.add(&self.demand(key.job, key.task));
                }
            }
            let stops = |victim: &&AttemptKey| {
                host.active.get(victim) == Some(&AttemptState::StoppingRequeue)
            };
            for victim in preemption.victims.iter().filter(stops) {
                let mut beside = wanted;
                beside.add(&self.demand(victim.job, victim.task));
                self.require(!beside.fits(&host.capacity), "nobody stops in vain", || {
                    format!("{victim:?} of {preemption:?} on {host:?}")
                });
            }
        }
    }

    fn demand(&self, job: JobId, task: u32) -> Tally {
        let job = self.planned(job);
        let step = job.as_ref().and_then(|job| step_of(&job.spec, task));
        step.map_or_else(Tally::default, |step| Tally::of(&step.resources))
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
