//! Jobs that arrive, and that are replayed.

use std::collections::BTreeSet;

use drover_model::{
    AttemptState, Carried, Deadline, DeadlineAction, Event, FailureRule, JobId, JobSpec, JobState,
    NewJob, Priority, RetryRule, Rules, StepSpec, TaskSpec,
};

use super::{History, happening::TaskPlan};
use crate::support::{cpus, payload};

impl History {
    pub(super) fn submit(
        &mut self,
        plans: &[TaskPlan],
        failure_rule: FailureRule,
        deadline: Option<(u64, DeadlineAction)>,
    ) -> Vec<Event> {
        // At least one task is none of the last, and those need only each other.
        let finally: Vec<bool> = (plans.iter().enumerate())
            .map(|(place, plan)| place > 0 && plan.finally)
            .collect();
        let tasks = plans.iter().enumerate().map(|(place, plan)| TaskSpec {
            needs: (plan.needs.iter())
                .filter(|needed| **needed < place && finally[**needed] == finally[place])
                .map(|needed| *needed as u32)
                .collect::<BTreeSet<u32>>()
                .into_iter()
                .collect(),
            finally: finally[place],
            step: step(plan, plan.cpu, plan.retries),
            undo: (plan.undo && !finally[place]).then(|| step(plan, 1, 1)),
        });
        let spec = JobSpec {
            namespace: "default".into(),
            queue: if self.needs.len().is_multiple_of(2) {
                "even".into()
            } else {
                "odd".into()
            },
            priority: Priority::default(),
            deadline: deadline.map(|(seconds, _)| Deadline::After(seconds * 1_000)),
            deadline_action: deadline.map_or(DeadlineAction::None, |(_, action)| action),
            failure_rule,
            tasks: tasks.collect(),
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
        let done = stored.attempts.values().filter(|row| {
            row.key.job == old
                && row.state == AttemptState::Succeeded
                && (row.key.task as usize) < spec.tasks.len()
                && !spec.tasks[row.key.task as usize].finally
        });
        let carried = done.map(|row| Carried {
            task: row.key.task,
            node: row.node.clone(),
            assigned_at: row.assigned_at,
            started_at: row.started_at.expect("it ran"),
            ended_at: row.ended_at.expect("it ended"),
        });
        let carried = carried.collect();
        self.submit_spec(spec, Some(old), carried)
    }
}

fn step(plan: &TaskPlan, cpu: u64, retries: u32) -> StepSpec {
    StepSpec {
        payload: payload("x"),
        resources: cpus(cpu),
        rules: Rules {
            retry: RetryRule {
                retries,
                fatal_exit_codes: [2].into(),
                ..RetryRule::default()
            },
            start_timeout_ms: plan.seconds.is_multiple_of(5).then_some(plan.seconds * 500),
            timeout_ms: plan
                .seconds
                .is_multiple_of(3)
                .then_some(plan.seconds * 1_000),
            ..Rules::default()
        },
        estimate_ms: plan.seconds * 1_000,
    }
}
