//! Steps that panic on some jobs, to see that such a mistake costs its own job only. What panics is a policy when it is
//! asked for the key of a marked task, which happens in the middle of a step.

use std::{any::Any, panic::resume_unwind, sync::Arc};

use drover_model::{
    DeadlineAction, JobSpec, Snapshot,
    policy::{Facts, Learned, Order, Policy},
};

use crate::faults::{workload, world::World};

/// The estimate that marks such tasks: nothing else that a policy sees is free to take.
const MARK_MS: u64 = 77_777_777;

/// What such a panic says.
struct Planted;

/// Panics on marked tasks, and is otherwise the policy inside.
#[derive(Debug)]
struct Panicking(Arc<dyn Policy>);

impl Policy for Panicking {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn description(&self) -> &str {
        self.0.description()
    }

    fn order(&self) -> Order {
        self.0.order()
    }

    fn learned(&self) -> Option<&Learned> {
        self.0.learned()
    }

    fn key(&self, facts: &Facts) -> i64 {
        if facts.estimate_ms == MARK_MS {
            // Without a word on the terminal.
            resume_unwind(Box::new(Planted));
        }
        self.0.key(facts)
    }
}

/// The one that is `policy`, but for its panics.
pub(super) fn policy(policy: &Arc<dyn Policy>) -> Arc<dyn Policy> {
    Arc::new(Panicking(Arc::clone(policy)))
}

/// Whether it was planted; if not, a machine has made a mistake of its own.
pub(super) fn is_planted(panic: &(dyn Any + Send)) -> bool {
    panic.is::<Planted>()
}

/// From now on the job is trouble when a task of it becomes ready that needs others; with a job of which none does, at
/// once. What is stored of it can always be loaded.
pub(super) fn mark(spec: &mut JobSpec) {
    if spec.deadline_action == DeadlineAction::Escalate {
        // Once it is escalated no policy is asked, and when it is loaded one is.
        return;
    }
    let all = spec.tasks.iter().all(|task| task.needs.is_empty());
    let tasks = spec.tasks.iter_mut();
    let marked = tasks.filter(|task| all || !task.needs.is_empty());
    for step in marked.filter_map(|task| task.step.as_mut()) {
        step.expected.stated_ms = Some(MARK_MS);
    }
}

impl World<'_> {
    /// Whether a job is to be trouble. None where policies are switched: one that keeps no keys asks for none before a round,
    /// and what has become ready under it could not be loaded under one that does.
    pub(super) fn panics(&self, planned: &workload::PlannedJob) -> bool {
        planned.poison == workload::Poison::Panic && self.setting.switches == 0
    }

    /// What is loaded makes the same trouble.
    pub(super) fn mark_panicking(&self, snapshot: &mut Snapshot) {
        for job in &mut snapshot.jobs {
            let stored = &self.database.jobs[&job.row.id];
            let planned = &self.workload.jobs[stored.number as usize];
            if self.panics(planned) && stored.fixed.replay_of.is_none() {
                mark(&mut job.spec);
            }
        }
    }
}
