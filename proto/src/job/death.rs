//! Why a job is dead.

#[cfg(test)]
mod tests;

use drover_model::{AttemptKey, AttemptRow, AttemptState, JobState};
use prost::Message as _;

use super::JobRecord;
use crate::{spec, v1};

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
    let steps = Steps::of(&spec.tasks, record.attempts);
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
    tasks: &'a [v1::TaskSpec],
    /// Each without a gap; those of undo steps behind the others.
    attempts: Vec<&'a [AttemptRow]>,
}

impl<'a> Steps<'a> {
    fn of(tasks: &'a [v1::TaskSpec], attempts: &'a [AttemptRow]) -> Self {
        let attempts = attempts.chunk_by(|one, next| one.key.task == next.key.task);
        Self {
            tasks,
            attempts: attempts.collect(),
        }
    }

    /// Of the tasks, or of the undo steps, the one that failed for good before any other.
    fn first_failure(&self, undo: bool) -> Option<Failure<'a>> {
        let count = self.tasks.len();
        let failures = self.attempts.iter().filter_map(|attempts| {
            let last = attempts.last()?;
            let step = last.key.task as usize;
            let failed = matches!(
                last.state,
                AttemptState::Failed
                    | AttemptState::TimedOut
                    | AttemptState::Lost
                    | AttemptState::Expired
            );
            if !failed || last.retry_at.is_some() || (step >= count) != undo {
                return None;
            }
            Some(Failure {
                task: self.tasks.get(step % count)?,
                undo,
                attempts,
                last,
            })
        });
        failures.min_by_key(|failure| (failure.last.ended_at, failure.last.key.task))
    }
}

/// A task, or its undo step, that failed for good.
struct Failure<'a> {
    task: &'a v1::TaskSpec,
    undo: bool,
    attempts: &'a [AttemptRow],
    last: &'a AttemptRow,
}

impl Failure<'_> {
    fn death(&self, reason: String) -> Death {
        Death {
            reason,
            task: Some(self.task.name.clone()),
            attempt: Some(self.last.key),
        }
    }

    fn words(&self) -> String {
        let who = if self.undo {
            format!("undo of task `{}`", self.task.name)
        } else {
            format!("task `{}`", self.task.name)
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
        let undo = self.task.undo.as_ref().filter(|_| self.undo);
        match undo {
            Some(undo) => undo
                .retry
                .as_ref()
                .map_or(spec::UNDO_RETRIES, |rule| rule.retries),
            None => self.task.retry.as_ref().map_or(0, |rule| rule.retries),
        }
    }

    fn count(&self, which: impl Fn(AttemptState) -> bool) -> usize {
        let attempts = self.attempts.iter();
        attempts.filter(|attempt| which(attempt.state)).count()
    }
}
