//! A policy that panics on some tasks: a mistake in the middle of a step, to see that it costs its own job only.

use std::{any::Any, panic::resume_unwind};

use drover_model::{
    DeadlineAction, JobSpec, Snapshot,
    policy::{self, Facts, Policy, Site},
};

use crate::{workload, world::World};

/// The estimate that marks such tasks: nothing else that a policy sees is free to take.
const MARK_MS: u64 = 77_777_777;

/// What such a panic says.
struct Planted;

/// Panics on marked tasks, and is otherwise the policy inside.
#[derive(Debug)]
struct Panicking(usize);

/// In the order of [`policy::ALL`].
static PANICKING: [Panicking; policy::ALL.len()] = [
    Panicking(0),
    Panicking(1),
    Panicking(2),
    Panicking(3),
    Panicking(4),
    Panicking(5),
];

impl Panicking {
    fn inner(&self) -> &'static dyn Policy {
        policy::ALL[self.0]
    }
}

impl Policy for Panicking {
    fn name(&self) -> &'static str {
        self.inner().name()
    }

    fn description(&self) -> &'static str {
        self.inner().description()
    }

    fn key(&self, facts: &Facts) -> i64 {
        if facts.estimate_ms == MARK_MS {
            // Without a word on the terminal.
            resume_unwind(Box::new(Planted));
        }
        self.inner().key(facts)
    }

    fn suitability(&self, site: &Site) -> u64 {
        self.inner().suitability(site)
    }
}

/// The same policy, but for its panics.
pub(super) fn policy(policy: &'static dyn Policy) -> &'static dyn Policy {
    let place = PANICKING
        .iter()
        .position(|panicking| panicking.name() == policy.name());
    &PANICKING[place.expect("a built-in policy")]
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
    let marked = spec.tasks.iter_mut();
    for task in marked.filter(|task| all || !task.needs.is_empty()) {
        task.step.estimate_ms = MARK_MS;
    }
}

impl World<'_> {
    /// What is loaded makes the same trouble.
    pub(super) fn mark_panicking(&self, snapshot: &mut Snapshot) {
        for job in &mut snapshot.jobs {
            let stored = &self.database.jobs[&job.row.id];
            let planned = &self.workload.jobs[stored.number as usize];
            if planned.poison == workload::Poison::Panic && stored.fixed.replay_of.is_none() {
                mark(&mut job.spec);
            }
        }
    }
}
