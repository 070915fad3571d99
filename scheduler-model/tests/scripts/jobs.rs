//! Jobs that arrive, as scripts describe them.

use std::sync::Arc;

use drover_model::{
    Deadline, DeadlineAction, Event, FailureRule, JobId, JobSpec, NewJob, Priority, RetryRule,
    Rules, StepSpec, TaskSpec, replay,
};

use super::{Interpreter, estimates, groups, options::Options, placement};
use crate::support::{cpus, payload};

impl Interpreter {
    /// `NEW of OLD`: from what had not succeeded.
    pub(super) fn replay(&mut self, rest: &str) -> Vec<Event> {
        let (name, old) = rest.split_once(" of ").expect("replay NEW of OLD");
        let (old, tasks) = self.jobs[old].clone();
        let spec = self.world.store.specs[&old].clone();
        let carried = replay::carried(&spec, &self.world.store.attempts_of(old));
        let id = self.new_id();
        self.jobs.insert(name.to_owned(), (id, tasks));
        self.world.store.specs.insert(id, spec.clone());
        vec![self.world.submit(NewJob {
            id,
            name: name.into(),
            stored_spec: payload(&format!("{spec:?}")),
            spec,
            request_id: None,
            traceparent: None,
            replay_of: Some(old),
            carried,
        })]
    }

    fn new_id(&self) -> JobId {
        JobId::from_u128(self.jobs.len() as u128 + 1)
    }

    pub(super) fn submit(&mut self, rest: &str) -> Vec<Event> {
        let (head, tasks) = rest
            .split_once(':')
            .expect("submit NAME [options]: TASK | TASK");
        let mut words = head.split(' ');
        let name = words.next().expect("a name");
        let options = Options::parse(words);
        let (names, groups) = groups::plan(tasks);
        let mut specs: Vec<TaskSpec> = Vec::new();
        for task in tasks.split('|') {
            let first = specs.len() as u32;
            specs.extend(groups::expand(task_spec(task, &names), first, &groups));
        }
        let spec = JobSpec {
            namespace: "default".into(),
            queue: options.get("queue").unwrap_or("default").into(),
            priority: Priority::new(options.number("priority", 50) as u32).expect("a priority"),
            deadline: options.seconds("deadline").map(Deadline::After),
            deadline_action: match options.get("at_deadline") {
                Some("cancel") => DeadlineAction::Cancel,
                Some("escalate") => DeadlineAction::Escalate,
                _ => DeadlineAction::None,
            },
            failure_rule: match options.get("on_failure") {
                Some("continue") => FailureRule::Continue,
                Some("rollback") => FailureRule::Rollback,
                _ => FailureRule::FailFast,
            },
            tasks: specs,
            groups,
            may_preempt: options.get("may_preempt") == Some("yes"),
        };
        let id = self.new_id();
        let known = options.get("same").map(|name| self.jobs[name].0);
        self.world.store.specs.insert(id, spec.clone());
        if known.is_none() {
            self.jobs.insert(name.to_owned(), (id, names));
        }
        let job = NewJob {
            id,
            name: name.into(),
            stored_spec: payload(&format!("{spec:?}")),
            spec,
            request_id: options.get("request").map(Arc::from),
            traceparent: None,
            replay_of: None,
            carried: Vec::new(),
        };
        vec![self.world.submit(job)]
    }
}

fn task_spec(text: &str, names: &[String]) -> TaskSpec {
    let options = Options::parse(text.split_whitespace().skip(1));
    let mut needs: Vec<u32> = options
        .get("needs")
        .map(|needs| needs.split(','))
        .into_iter()
        .flatten()
        .map(|needed| {
            names
                .iter()
                .position(|name| name == needed)
                .expect("a task") as u32
        })
        .collect();
    needs.sort_unstable();
    let step = |resources, retries| StepSpec {
        payload: payload(text),
        resources,
        constraints: placement::constraints(&options),
        apart: options
            .get("apart")
            .map(|_| options.number("apart", 0) as u32),
        rules: rules(&options, retries),
        expected: estimates::expected(&options, text),
        preemptible: options.get("preemptible") == Some("yes"),
    };
    TaskSpec {
        needs: needs.into(),
        finally: options.get("finally") == Some("yes"),
        step: Some(step(
            placement::resources(&options, 0),
            options.number("retries", 0) as u32,
        )),
        undo: options
            .get("undo")
            .map(|retries| step(cpus(1), retries.parse().expect("its retries"))),
    }
}

fn rules(options: &Options<'_>, retries: u32) -> Rules {
    let codes = |key| {
        let codes = options.get(key).unwrap_or("").split(',');
        let codes: Vec<i32> = codes.filter_map(|code| code.parse().ok()).collect();
        codes.into()
    };
    Rules {
        retry: RetryRule {
            retries,
            rerun_lost: options.get("rerun_lost") != Some("no"),
            max_lost: options.number("max_lost", 3) as u32,
            exit_codes: codes("retry_on"),
            fatal_exit_codes: codes("fatal"),
            ..RetryRule::default()
        },
        start_timeout_ms: options.seconds("start_timeout"),
        timeout_ms: options.seconds("timeout"),
        ..Rules::default()
    }
}
