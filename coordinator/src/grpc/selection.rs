//! Whose output was asked for.

use drover_model::AttemptKey;
use drover_proto::v1;
use prost::Message as _;

use super::jobs::unreadable;
use crate::{
    error::{ApiError, Code},
    store::StoredJob,
};

const MAX_NAMES_TOLD: usize = 10;

/// What was asked for.
pub(super) struct Selection {
    names: Vec<String>,
    /// Undo steps are numbered behind the tasks.
    step: Option<u32>,
    /// 0: the last.
    attempt: u32,
}

impl Selection {
    pub(super) fn find(stored: &StoredJob, request: &v1::GetLogsRequest) -> Result<Self, ApiError> {
        let spec = v1::JobSpec::decode(stored.fixed.stored_spec.clone())
            .map_err(|error| unreadable(&error))?;
        let step = match (request.task.as_str(), request.undo) {
            ("", false) => None,
            ("", true) => {
                return Err(ApiError::invalid_field("undo", "needs the name of a task"));
            }
            (wanted, undo) => Some(step(&spec.tasks, wanted, undo)?),
        };
        if request.attempt != 0 {
            check_attempt(stored, step, request)?;
        }
        Ok(Self {
            names: spec.tasks.into_iter().map(|task| task.name).collect(),
            step,
            attempt: request.attempt,
        })
    }

    pub(super) fn selects(&self, key: AttemptKey) -> bool {
        let step = key.task as usize;
        self.step
            .map_or(step < self.names.len(), |wanted| wanted as usize == step)
            && (self.attempt == 0 || self.attempt == key.attempt)
    }

    /// One attempt, instead of the last of each task.
    pub(super) fn names_attempt(&self) -> bool {
        self.attempt != 0
    }

    /// The task that the step belongs to.
    pub(super) fn name(&self, step: u32) -> &str {
        &self.names[step as usize % self.names.len()]
    }
}

/// The number of a task, or of its undo step.
fn step(tasks: &[v1::TaskSpec], wanted: &str, undo: bool) -> Result<u32, ApiError> {
    let names: Vec<String> = tasks.iter().map(|task| task.name.clone()).collect();
    let place = place(&names, wanted)?;
    if !undo {
        return Ok(place);
    }
    if tasks[place as usize].undo.is_none() {
        let problem = format!("task {wanted:?} has no undo step");
        return Err(ApiError::invalid_field("undo", problem));
    }
    u32::try_from(names.len() + place as usize).map_err(|_| ApiError::internal())
}

fn place(names: &[String], wanted: &str) -> Result<u32, ApiError> {
    let found = names.iter().zip(0..).find(|(name, _)| *name == wanted);
    found.map(|(_, place)| place).ok_or_else(|| {
        let mut known: Vec<&str> = names
            .iter()
            .take(MAX_NAMES_TOLD)
            .map(String::as_str)
            .collect();
        if names.len() > MAX_NAMES_TOLD {
            known.push("...");
        }
        ApiError::new(
            Code::TaskNotFound,
            format!(
                "the job has no task {wanted:?}; its tasks are {}",
                known.join(", ")
            ),
        )
    })
}

fn check_attempt(
    stored: &StoredJob,
    step: Option<u32>,
    request: &v1::GetLogsRequest,
) -> Result<(), ApiError> {
    let mut of_task = stored
        .attempts
        .iter()
        .filter(|row| step.is_none_or(|step| step == row.key.task))
        .map(|row| row.key.attempt);
    let last = of_task.clone().max().unwrap_or(0);
    // One that will come can be followed.
    if of_task.any(|number| number == request.attempt) || request.follow {
        return Ok(());
    }
    let message = match last {
        0 => format!(
            "there is no attempt {}: none has started yet",
            request.attempt
        ),
        last => format!(
            "there is no attempt {}: the last is {last}",
            request.attempt
        ),
    };
    Err(ApiError::new(Code::AttemptNotFound, message))
}
