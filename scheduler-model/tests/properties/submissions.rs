//! Jobs that arrive, and that are replayed.

use std::collections::BTreeSet;

use drover_model::{
    Carried, Constraints, Deadline, DeadlineAction, Event, Expected, FailureRule, Group, JobId,
    JobSpec, JobState, NewJob, Priority, RetryRule, Rules, StepSpec, TaskSpec, replay,
};

use super::{History, happening::TaskPlan};
use crate::support::{cpus, expected, payload};

impl History {
    pub(super) fn submit(
        &mut self,
        plans: &[TaskPlan],
        failure_rule: FailureRule,
        deadline: Option<(u64, DeadlineAction)>,
    ) -> Vec<Event> {
        // At least one task is none of the last, and those need only each other.
        let is_finally: Vec<bool> = (plans.iter().enumerate())
            .map(|(place, plan)| place > 0 && plan.finally)
            .collect();
        let mut tasks: Vec<TaskSpec> = Vec::new();
        let mut groups = Vec::new();
        // Where the task is that others need, of each plan.
        let mut places: Vec<u32> = Vec::new();
        for (plan, finally) in plans.iter().zip(&is_finally) {
            let needed =
                |needed: &&usize| **needed < places.len() && finally == &is_finally[**needed];
            let needs: BTreeSet<u32> = plan
                .needs
                .iter()
                .filter(needed)
                .map(|needed| places[*needed])
                .collect();
            let first = tasks.len() as u32;
            let (count, kind) = plan
                .group
                .map_or((1, None), |(count, kind)| (count, Some(kind)));
            tasks.extend((0..count).map(|_| TaskSpec {
                needs: needs.iter().copied().collect(),
                finally: *finally,
                step: Some(step(plan, plan.cpu, plan.retries)),
                undo: (plan.undo && !finally).then(|| step(plan, 1, 1)),
            }));
            if let Some(kind) = kind {
                groups.push(Group { first, count, kind });
                tasks.push(TaskSpec {
                    needs: (first..first + count).collect(),
                    finally: *finally,
                    step: None,
                    undo: None,
                });
            }
            places.push(tasks.len() as u32 - 1);
        }
        let is_urgent = self.needs.len() % 3 == 2;
        let spec = JobSpec {
            namespace: "default".into(),
            queue: if self.needs.len().is_multiple_of(2) {
                "even".into()
            } else {
                "odd".into()
            },
            priority: if is_urgent {
                Priority::URGENT
            } else {
                Priority::default()
            },
            deadline: deadline.map(|(seconds, _)| Deadline::After(seconds * 1_000)),
            deadline_action: deadline.map_or(DeadlineAction::None, |(_, action)| action),
            failure_rule,
            tasks,
            groups,
            may_preempt: is_urgent,
        };
        self.submit_spec(spec, None, Vec::new())
    }

    fn submit_spec(
        &mut self,
        spec: JobSpec,
        replay_of: Option<JobId>,
        carried: Vec<Carried>,
    ) -> Vec<Event> {
        let id = JobId::from_u128(self.needs.len() as u128 + 1);
        let needs = spec.tasks.iter().map(|task| task.needs.clone()).collect();
        self.needs.insert(id, needs);
        self.world.store.specs.insert(id, spec.clone());
        vec![self.world.submit(NewJob {
            id,
            name: "job".into(),
            stored_spec: payload(&format!("{spec:?}")),
            spec,
            request_id: None,
            traceparent: None,
            replay_of,
            carried,
        })]
    }

    /// One that is dead, with what had succeeded, unless that was undone.
    pub(super) fn replay(&mut self, which: usize) -> Vec<Event> {
        let stored = &self.world.store;
        let failed = |row: &&drover_model::JobRow| {
            matches!(row.state, JobState::Failed | JobState::TimedOut)
        };
        let dead: Vec<JobId> = stored
            .jobs
            .values()
            .map(|(row, _)| row)
            .filter(failed)
            .map(|row| row.id)
            .collect();
        if dead.is_empty() {
            return Vec::new();
        }
        let old = dead[which % dead.len()];
        let spec = stored.specs[&old].clone();
        let carried = replay::carried(&spec, &stored.attempts_of(old));
        self.submit_spec(spec, Some(old), carried)
    }
}

fn step(plan: &TaskPlan, cpu: u64, retries: u32) -> StepSpec {
    StepSpec {
        payload: payload("x"),
        resources: cpus(cpu),
        constraints: Constraints::none(),
        apart: None,
        rules: Rules {
            retry: RetryRule {
                retries,
                fatal_exit_codes: vec![2].into(),
                ..RetryRule::default()
            },
            start_timeout_ms: plan.seconds.is_multiple_of(5).then_some(plan.seconds * 500),
            timeout_ms: plan
                .seconds
                .is_multiple_of(3)
                .then_some(plan.seconds * 1_000),
            ..Rules::default()
        },
        expected: Expected {
            // Of every third only what was learned is known.
            stated_ms: (!plan.seconds.is_multiple_of(3)).then_some(plan.seconds * 1_000),
            signature: plan.seconds,
            ..expected(plan.seconds * 1_000)
        },
        preemptible: plan.seconds.is_multiple_of(2),
    }
}
