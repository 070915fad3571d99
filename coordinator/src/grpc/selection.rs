//! Whose output was asked for.

use std::ops::Range;

use drover_model::AttemptKey;
use drover_proto::{spec::Places, v1};
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
    steps: Range<u32>,
    /// 0: the last.
    attempt: u32,
}

impl Selection {
    pub(super) fn find(stored: &StoredJob, request: &v1::GetLogsRequest) -> Result<Self, ApiError> {
        let spec = v1::JobSpec::decode(stored.fixed.stored_spec.clone())
            .map_err(|error| unreadable(&error))?;
        let places = Places::of(&spec.tasks);
        let steps = match (request.task.as_str(), request.undo) {
            ("", false) => 0..places.count(),
            ("", true) => {
                return Err(ApiError::invalid_field("undo", "needs the name of a task"));
            }
            (wanted, undo) => steps(&places, wanted, undo)?,
        };
        if request.attempt != 0 {
            check_attempt(stored, &steps, request)?;
        }
        Ok(Self {
            names: places.iter().map(|place| place.name()).collect(),
            steps,
            attempt: request.attempt,
        })
    }

    pub(super) fn selects(&self, key: AttemptKey) -> bool {
        self.steps.contains(&key.task) && (self.attempt == 0 || self.attempt == key.attempt)
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

/// The number of a task, or of its undo step; of an array or a gang, those of all its instances.
fn steps(places: &Places<'_>, wanted: &str, undo: bool) -> Result<Range<u32>, ApiError> {
    let place = place(places, wanted)?;
    let found = places.get(place).ok_or_else(ApiError::internal)?;
    let steps = places.instances_of(place).unwrap_or(place..place + 1);
    if !undo {
        return Ok(steps);
    }
    if found.task.undo.is_none() {
        let problem = format!("task {wanted:?} has no undo step");
        return Err(ApiError::invalid_field("undo", problem));
    }
    let behind = places.count();
    Ok(behind + steps.start..behind + steps.end)
}

/// Where a task is in the model's list.
pub(super) fn place(places: &Places<'_>, wanted: &str) -> Result<u32, ApiError> {
    places.find(wanted).ok_or_else(|| {
        let mut known: Vec<String> = places.words().take(MAX_NAMES_TOLD + 1).collect();
        if known.len() > MAX_NAMES_TOLD {
            known[MAX_NAMES_TOLD] = "...".to_owned();
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
    steps: &Range<u32>,
    request: &v1::GetLogsRequest,
) -> Result<(), ApiError> {
    let mut of_task = stored
        .attempts
        .iter()
        .filter(|row| steps.contains(&row.key.task))
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
