//! A user's job: checked and compiled for the model.

mod constraints;
mod expand;
mod graph;
mod job;
mod names;
mod places;
mod queue;
mod rules;
mod run;
mod signature;
mod task;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use drover_model::JobSpec;
use prost::Message as _;

pub(crate) use constraints::apart_groups;
pub use names::{
    DEFAULT_NAME, MAX_NAME_CHARS, MAX_REQUEST_ID_CHARS, check_request_id, replay_request_id,
};
pub(crate) use names::{name_problem, text_problem};
pub use places::{Place, Places, Role};
pub use queue::{apply_queue_defaults, check_queue, queue, queue_defaults};
use task::Context;
pub(crate) use task::UNDO_RETRIES;

use crate::{Violation, v1};

/// How the request ids begin that the coordinator gives itself.
pub const RESERVED_REQUEST_IDS: &str = "drover:";

/// Tasks and undo steps are numbered together, and the record keeps the numbers as signed 32-bit integers.
const MAX_STEPS: usize = i32::MAX as usize;

/// What a request may hold at most.
#[derive(Clone, Debug)]
pub struct Limits {
    pub tasks_per_job: usize,
    /// Tasks with all their instances.
    pub instances_per_job: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tasks_per_job: 10_000,
            instances_per_job: 100_000,
        }
    }
}

impl Limits {
    /// For what has been accepted already.
    pub const NONE: Self = Self {
        tasks_per_job: usize::MAX,
        instances_per_job: usize::MAX,
    };
}

/// A job that may be submitted.
#[derive(Clone, Debug)]
pub struct Compiled {
    pub name: Arc<str>,
    pub spec: JobSpec,
    /// The user's spec, encoded, for the store.
    pub stored_spec: Bytes,
}

/// Checks a user's job and compiles it for the model.
///
/// # Errors
/// Everything that is wrong with it, in the order of its fields.
pub fn compile(spec: &v1::JobSpec, limits: &Limits) -> Result<Compiled, Vec<Violation>> {
    let mut problems = Problems::default();
    problems.check_name("name", &spec.name);
    let namespace = problems.check_name_or_default("namespace", &spec.namespace);
    let queue = problems.check_name_or_default("queue", &spec.queue);
    let priority = job::check_priority(spec.priority, &mut problems);
    let deadline = job::check_deadline(spec.deadline.as_ref(), &mut problems);
    let deadline_action = job::check_deadline_action(spec, &mut problems);
    let failure_rule = job::check_failure_rule(spec, &mut problems);
    job::check_labels(spec, &mut problems);
    let context = Context {
        namespace: &namespace,
        queue: &queue,
        job_name: &spec.name,
        apart: apart_groups(&spec.tasks),
    };
    let tasks = compile_tasks(spec, &context, limits, &mut problems);
    if !problems.0.is_empty() {
        return Err(problems.0);
    }
    let places = Places::of(&spec.tasks);
    Ok(Compiled {
        name: spec.name.as_str().into(),
        spec: JobSpec {
            namespace,
            queue,
            priority,
            deadline,
            deadline_action,
            failure_rule,
            tasks: expand::expand(&places, tasks),
            groups: places.groups(),
            may_preempt: spec.may_preempt,
        },
        stored_spec: spec.encode_to_vec().into(),
    })
}

/// Checks what only the coordinator may write into a spec.
///
/// # Errors
/// When a caller did.
pub fn check_asked(spec: &v1::JobSpec) -> Result<(), Vec<Violation>> {
    let mut problems = Problems::default();
    if spec.may_preempt {
        problems.add(
            "may_preempt",
            "is for the job's queue to say (`drover queue set NAME --preemption on`); leave it out",
        );
    }
    problems.or(())
}

/// The model's view of a spec that was accepted and stored earlier.
///
/// # Errors
/// When the bytes are not a spec that this build accepts: the record was damaged, or written by a newer build.
pub fn compile_stored(stored_spec: &[u8]) -> Result<Compiled, Vec<Violation>> {
    let spec = v1::JobSpec::decode(stored_spec).map_err(|error| {
        vec![Violation {
            field: "stored_spec".to_owned(),
            problem: error.to_string(),
        }]
    })?;
    compile(&spec, &Limits::NONE)
}

/// What has been found wrong so far.
#[derive(Default)]
pub(crate) struct Problems(Vec<Violation>);

impl Problems {
    /// `value`, if nothing is wrong.
    pub(crate) fn or<T>(self, value: T) -> Result<T, Vec<Violation>> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(self.0)
        }
    }

    pub(crate) fn add(&mut self, field: impl Into<String>, problem: impl Into<String>) {
        self.0.push(Violation {
            field: field.into(),
            problem: problem.into(),
        });
    }
}

fn check_steps(tasks: &[v1::TaskSpec], problems: &mut Problems) {
    let count = Places::of(tasks).count() as usize;
    if count > MAX_STEPS / 2 {
        problems.add(
            "tasks",
            format!(
                "the job has {count} tasks with all their instances; no job can have more than {}",
                MAX_STEPS / 2
            ),
        );
    }
}

/// One for each task of the spec; of no use when something is wrong.
fn compile_tasks(
    spec: &v1::JobSpec,
    context: &Context<'_>,
    limits: &Limits,
    problems: &mut Problems,
) -> Vec<drover_model::TaskSpec> {
    if spec.tasks.is_empty() {
        problems.add("tasks", "a job needs at least one task");
        return Vec::new();
    }
    let count = spec.tasks.len();
    if count > limits.tasks_per_job {
        problems.add(
            "tasks",
            format!(
                "the job has {count} tasks; the limit is {}",
                limits.tasks_per_job
            ),
        );
        return Vec::new();
    }
    if expand::check(&spec.tasks, limits, problems) {
        check_steps(&spec.tasks, problems);
    }
    if spec.tasks.iter().all(|task| task.finally) {
        problems.add(
            "tasks",
            "every task is `finally`; at least one must not be, as these run when the others have ended",
        );
    }
    let needs = graph::resolve(&spec.tasks, problems);
    spec.tasks
        .iter()
        .zip(needs)
        .enumerate()
        .map(|(index, (task, needs))| task::compile(context, index, task, needs, problems))
        .collect()
}
