//! Why a job is dead.

#[cfg(test)]
mod tests;

use drover_model::{AttemptKey, AttemptRow, AttemptState, Group, GroupKind, JobState};
use prost::Message as _;

use super::JobRecord;
use crate::{
    spec::{self, Place, Places},
    v1,
};

/// Why a job ended so that somebody should look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// For people.
    pub reason: String,
    /// Name of the first task that failed, or whose undo step did; `None` when none has.
    pub task: Option<String>,
    /// Its last attempt, whose output tells most.
    pub attempt: Option<AttemptKey>,
}

/// What a dead job died of. Without attempts only what the job's own row says.
///
/// # Errors
/// When the stored spec cannot be decoded.
pub fn death(record: JobRecord<'_>) -> Result<Death, prost::DecodeError> {
    let spec = v1::JobSpec::decode(record.fixed.stored_spec.clone())?;
    let places = Places::of(&spec.tasks);
    let steps = Steps::of(&places, record.attempts);
    if let (JobState::RollbackFailed, Some(undo)) = (record.row.state, steps.first_failure(true)) {
        return Ok(undo.death(undo.words()));
    }
    let said = record
        .row
        .message
        .as_deref()
        .filter(|said| !said.is_empty());
    let failure = steps.first_failure(false);
    let reason = match (said, &failure) {
        (Some(said), _) if record.row.state == JobState::RollbackFailed => {
            format!("the rollback was abandoned: {said}")
        }
        (Some(said), _) => said.to_owned(),
        (None, Some(failure)) => failure.words(),
        (None, None) => nothing_said(record.row.state).to_owned(),
    };
    Ok(match failure {
        Some(failure) => failure.death(reason),
        None => Death {
            reason,
            task: None,
            attempt: None,
        },
    })
}

fn nothing_said(state: JobState) -> &'static str {
    match state {
        JobState::TimedOut => "it took too long",
        JobState::RolledBack => "it was rolled back",
        JobState::RollbackFailed => "the rollback was abandoned",
        _ => "a task failed",
    }
}

/// The attempts of a job, by step.
struct Steps<'a> {
    places: &'a Places<'a>,
    /// Each without a gap; those of undo steps behind the others.
    attempts: Vec<&'a [AttemptRow]>,
}

impl<'a> Steps<'a> {
    fn of(places: &'a Places<'a>, attempts: &'a [AttemptRow]) -> Self {
        let attempts = attempts.chunk_by(|one, next| one.key.task == next.key.task);
        Self {
            places,
            attempts: attempts.collect(),
        }
    }

    /// Of the tasks, or of the undo steps, the one that failed for good before any other, and is not forgiven.
    fn first_failure(&self, undo: bool) -> Option<Failure<'a>> {
        let forgiven = self.forgiven();
        let failures = self.failed().filter(|(step, _)| {
            let is_undo = *step >= self.places.count();
            is_undo == undo && !forgiven.iter().any(|array| array.contains(*step))
        });
        let (step, attempts) = failures.min_by_key(|(step, attempts)| {
            let last = attempts.last();
            (last.and_then(|last| last.ended_at), *step)
        })?;
        Some(Failure {
            place: self.places.get(step)?,
            undo,
            attempts,
            last: attempts.last()?,
        })
    }

    /// What failed for good.
    fn failed(&self) -> impl Iterator<Item = (u32, &'a [AttemptRow])> {
        let last = |attempts: &&'a [AttemptRow]| Some((attempts.last()?, *attempts));
        let last = self.attempts.iter().filter_map(last);
        last.filter(|(last, _)| last.has_failed())
            .map(|(last, attempts)| (last.key.task, attempts))
    }

    /// Arrays of which no more failed than may.
    fn forgiven(&self) -> Vec<Group> {
        let failed: Vec<u32> = self.failed().map(|(step, _)| step).collect();
        let before = |place| failed.partition_point(|step| *step < place);
        let mut arrays = self.places.groups();
        arrays.retain(|group| match group.kind {
            GroupKind::Array { max_failed, .. } => {
                before(group.whole()) - before(group.first) <= max_failed as usize
            }
            GroupKind::Gang { .. } => false,
        });
        arrays
    }
}

/// A task, or its undo step, that failed for good.
struct Failure<'a> {
    place: Place<'a>,
    undo: bool,
    attempts: &'a [AttemptRow],
    last: &'a AttemptRow,
}

impl Failure<'_> {
    fn death(&self, reason: String) -> Death {
        Death {
            reason,
            task: Some(self.place.name()),
            attempt: Some(self.last.key),
        }
    }

    fn words(&self) -> String {
        let who = if self.undo {
            format!("undo of task `{}`", self.place.name())
        } else {
            format!("task `{}`", self.place.name())
        };
        let message = self.last.message.as_deref().filter(|text| !text.is_empty());
        match self.last.state {
            AttemptState::Expired => {
                format!("{who} {}", message.unwrap_or("found no node in time"))
            }
            AttemptState::Lost => {
                format!(
                    "{who} was lost: {}",
                    message.unwrap_or("its node went away")
                )
            }
            AttemptState::TimedOut => format!(
                "{who} timed out: {}{}",
                message.unwrap_or("it ran longer than its limit"),
                self.which_attempt()
            ),
            _ => {
                let how = match (message, self.last.exit_code) {
                    (Some(message), _) => message.to_owned(),
                    (None, Some(code)) => format!("exit code {code}"),
                    (None, None) => "its agent says no more".to_owned(),
                };
                format!("{who} failed: {how}{}", self.which_attempt())
            }
        }
    }

    /// Losses of nodes do not count.
    fn which_attempt(&self) -> String {
        let used =
            self.count(|state| matches!(state, AttemptState::Failed | AttemptState::TimedOut));
        match self.retries() {
            0 => String::new(),
            retries if used <= retries as usize => format!(
                " (attempt {used} of {}; what ends so is not tried again)",
                retries + 1
            ),
            retries => format!(" (attempt {used} of {})", retries + 1),
        }
    }

    fn retries(&self) -> u32 {
        let task = self.place.task;
        let undo = task.undo.as_ref().filter(|_| self.undo);
        match undo {
            Some(undo) => undo
                .retry
                .as_ref()
                .map_or(spec::UNDO_RETRIES, |rule| rule.retries),
            None => task.retry.as_ref().map_or(0, |rule| rule.retries),
        }
    }

    fn count(&self, which: impl Fn(AttemptState) -> bool) -> usize {
        let attempts = self.attempts.iter();
        attempts.filter(|attempt| which(attempt.state)).count()
    }
}
