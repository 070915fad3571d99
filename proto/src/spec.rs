//! A user's job: checked and compiled for the model.

mod graph;
mod job;
mod names;
mod queue;
mod rules;
mod run;
mod task;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use drover_model::JobSpec;
use prost::Message as _;

pub use names::{
    DEFAULT_NAME, MAX_NAME_CHARS, MAX_REQUEST_ID_CHARS, check_request_id, replay_request_id,
};
pub use queue::{apply_queue_defaults, check_queue, queue, queue_defaults};
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
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tasks_per_job: 10_000,
        }
    }
}

impl Limits {
    /// For what has been accepted already.
    pub const NONE: Self = Self {
        tasks_per_job: usize::MAX,
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
    let tasks = compile_tasks(spec, limits, &mut problems);
    if !problems.0.is_empty() {
        return Err(problems.0);
    }
    Ok(Compiled {
        name: spec.name.as_str().into(),
        spec: JobSpec {
            namespace,
            queue,
            priority,
            deadline,
            deadline_action,
            failure_rule,
            tasks,
        },
        stored_spec: spec.encode_to_vec().into(),
    })
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
struct Problems(Vec<Violation>);

impl Problems {
    fn add(&mut self, field: impl Into<String>, problem: impl Into<String>) {
        self.0.push(Violation {
            field: field.into(),
            problem: problem.into(),
        });
    }
}

fn compile_tasks(
    spec: &v1::JobSpec,
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
    if count > MAX_STEPS / 2 {
        problems.add(
            "tasks",
            format!(
                "the job has {count} tasks; no job can have more than {}",
                MAX_STEPS / 2
            ),
        );
        return Vec::new();
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
        .map(|(index, (task, needs))| task::compile(&spec.name, index, task, needs, problems))
        .collect()
}
