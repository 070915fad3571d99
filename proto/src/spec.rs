//! A user's job: checked and compiled for the model.

mod graph;
mod task;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use drover_model::{Deadline, FailureRule, JobSpec, Priority};
use prost::Message as _;

use crate::{Violation, time, v1};

/// Namespace and queue of a job that names none.
pub const DEFAULT_NAME: &str = "default";
/// Longest name of a job, namespace, queue, task or label, in characters.
pub const MAX_NAME_CHARS: usize = 200;
/// Longest `request_id`, in characters.
pub const MAX_REQUEST_ID_CHARS: usize = 64;
const MAX_LABELS: usize = 64;
const MAX_LABEL_VALUE_CHARS: usize = 500;

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
    let priority = check_priority(spec.priority, &mut problems);
    let deadline = check_deadline(spec.deadline.as_ref(), &mut problems);
    let failure_rule = check_failure_rule(spec.on_failure, &mut problems);
    check_labels(spec, &mut problems);
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

/// Checks a `request_id`; empty means none.
///
/// # Errors
/// When it is too long or holds control characters.
pub fn check_request_id(request_id: &str) -> Result<Option<Arc<str>>, Violation> {
    if request_id.is_empty() {
        return Ok(None);
    }
    match text_problem(request_id, MAX_REQUEST_ID_CHARS) {
        None => Ok(Some(request_id.into())),
        Some(problem) => Err(Violation {
            field: "request_id".to_owned(),
            problem,
        }),
    }
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

    fn check_name(&mut self, field: &str, name: &str) {
        if let Some(problem) = name_problem(name) {
            self.add(field, problem);
        }
    }

    fn check_name_or_default(&mut self, field: &str, name: &str) -> Arc<str> {
        if name.is_empty() {
            return DEFAULT_NAME.into();
        }
        self.check_name(field, name);
        name.into()
    }
}

fn name_problem(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("must have a name of 1 to 200 characters".to_owned());
    }
    text_problem(name, MAX_NAME_CHARS)
}

/// Control characters are refused because names end up in terminals, logs and headers; NUL also because PostgreSQL text
/// cannot hold it.
fn text_problem(text: &str, max_chars: usize) -> Option<String> {
    if let Some((place, character)) = text.chars().enumerate().find(|(_, c)| c.is_control()) {
        let name = if character == '\0' {
            "a NUL byte".to_owned()
        } else {
            format!("the control character U+{:04X}", character as u32)
        };
        return Some(format!(
            "holds {name} at character {}; control characters are not allowed",
            place + 1
        ));
    }
    // Bytes are at least as many as characters: most texts need no count.
    if text.len() > max_chars {
        let chars = text.chars().count();
        if chars > max_chars {
            return Some(format!("has {chars} characters; the limit is {max_chars}"));
        }
    }
    None
}

fn check_priority(priority: Option<u32>, problems: &mut Problems) -> Priority {
    let Some(value) = priority else {
        return Priority::default();
    };
    Priority::new(value).unwrap_or_else(|| {
        problems.add(
            "priority",
            format!(
                "must be from 0 to 100 (low is 25, normal 50, high 75, urgent 100), not {value}"
            ),
        );
        Priority::default()
    })
}

fn check_deadline(
    deadline: Option<&v1::job_spec::Deadline>,
    problems: &mut Problems,
) -> Option<Deadline> {
    match deadline? {
        v1::job_spec::Deadline::DeadlineAfter(after) => match time::to_ms(after) {
            Ok(0) => {
                problems.add("deadline_after", "must be longer than 0");
                None
            }
            Ok(ms) => Some(Deadline::After(ms)),
            Err(problem) => {
                problems.add("deadline_after", problem.to_string());
                None
            }
        },
        v1::job_spec::Deadline::DeadlineAt(at) => match time::to_model(at) {
            Ok(at) => Some(Deadline::At(at)),
            Err(problem) => {
                problems.add("deadline_at", problem.to_string());
                None
            }
        },
    }
}

fn check_failure_rule(value: i32, problems: &mut Problems) -> FailureRule {
    match v1::FailureRule::try_from(value) {
        Ok(v1::FailureRule::Unspecified | v1::FailureRule::FailFast) => FailureRule::FailFast,
        Ok(v1::FailureRule::Continue) => FailureRule::Continue,
        Err(_) => {
            problems.add(
                "on_failure",
                format!("must be FAIL_FAST (1) or CONTINUE (2), not {value}"),
            );
            FailureRule::default()
        }
    }
}

fn check_labels(spec: &v1::JobSpec, problems: &mut Problems) {
    if spec.labels.len() > MAX_LABELS {
        problems.add(
            "labels",
            format!(
                "has {} entries; the limit is {MAX_LABELS}",
                spec.labels.len()
            ),
        );
        return;
    }
    for (name, value) in &spec.labels {
        if let Some(problem) = name_problem(name) {
            problems.add(
                format!("labels[{name:?}]"),
                format!("the label's name {problem}"),
            );
        }
        if let Some(problem) = text_problem(value, MAX_LABEL_VALUE_CHARS) {
            problems.add(format!("labels[{name:?}]"), problem);
        }
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
    if spec.tasks.len() > limits.tasks_per_job {
        problems.add(
            "tasks",
            format!(
                "the job has {} tasks; the limit is {}",
                spec.tasks.len(),
                limits.tasks_per_job
            ),
        );
        return Vec::new();
    }
    let needs = graph::resolve(&spec.tasks, problems);
    spec.tasks
        .iter()
        .zip(needs)
        .enumerate()
        .map(|(index, (task, needs))| task::compile(&spec.name, index, task, needs, problems))
        .collect()
}
