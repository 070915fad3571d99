//! Names of states and intents: model to wire and back.

use drover_model::{AttemptState, Cancellation, JobState, TaskState};

use crate::{Violation, v1};

/// For the wire.
pub fn job_state(state: JobState) -> v1::JobState {
    match state {
        JobState::Queued => v1::JobState::Queued,
        JobState::Running => v1::JobState::Running,
        JobState::Succeeded => v1::JobState::Succeeded,
        JobState::Failed => v1::JobState::Failed,
        JobState::TimedOut => v1::JobState::TimedOut,
        JobState::Cancelled => v1::JobState::Cancelled,
        JobState::RollingBack => v1::JobState::RollingBack,
        JobState::RolledBack => v1::JobState::RolledBack,
        JobState::RollbackFailed => v1::JobState::RollbackFailed,
    }
}

/// From the wire; `None` for an unknown or unspecified state.
pub fn job_state_to_model(state: v1::JobState) -> Option<JobState> {
    JobState::ALL
        .iter()
        .copied()
        .find(|candidate| job_state(*candidate) == state)
}

/// For the wire.
pub fn task_state(state: TaskState) -> v1::TaskState {
    match state {
        TaskState::Pending => v1::TaskState::Pending,
        TaskState::Queued => v1::TaskState::Queued,
        TaskState::Assigned => v1::TaskState::Assigned,
        TaskState::Running => v1::TaskState::Running,
        TaskState::Stopping => v1::TaskState::Stopping,
        TaskState::Retrying => v1::TaskState::Retrying,
        TaskState::Succeeded => v1::TaskState::Succeeded,
        TaskState::Failed => v1::TaskState::Failed,
        TaskState::TimedOut => v1::TaskState::TimedOut,
        TaskState::Cancelled => v1::TaskState::Cancelled,
        TaskState::UpstreamFailed => v1::TaskState::UpstreamFailed,
        TaskState::Undoing => v1::TaskState::Undoing,
        TaskState::Undone => v1::TaskState::Undone,
        TaskState::UndoFailed => v1::TaskState::UndoFailed,
    }
}

/// For the wire. Why it is being stopped is not told apart there.
pub(super) fn attempt_state(state: AttemptState) -> v1::AttemptState {
    match state {
        AttemptState::Assigned => v1::AttemptState::Assigned,
        AttemptState::Running => v1::AttemptState::Running,
        AttemptState::Stopping | AttemptState::StoppingTimeout | AttemptState::StoppingRequeue => {
            v1::AttemptState::Stopping
        }
        AttemptState::Succeeded => v1::AttemptState::Succeeded,
        AttemptState::Failed => v1::AttemptState::Failed,
        AttemptState::TimedOut => v1::AttemptState::TimedOut,
        AttemptState::Cancelled => v1::AttemptState::Cancelled,
        AttemptState::Lost => v1::AttemptState::Lost,
        AttemptState::Expired => v1::AttemptState::Expired,
        AttemptState::Requeued => v1::AttemptState::Requeued,
    }
}

/// From the wire; `None` for an unknown or unspecified state. One that is being stopped is so for no reason that is told.
pub fn attempt_state_to_model(state: v1::AttemptState) -> Option<AttemptState> {
    match state {
        // Three states of the model show as this one.
        v1::AttemptState::Stopping => Some(AttemptState::Stopping),
        _ => AttemptState::ALL
            .iter()
            .copied()
            .find(|candidate| attempt_state(*candidate) == state),
    }
}

/// From the wire.
///
/// # Errors
/// When it is none of those that there are.
pub fn cancellation(how: i32) -> Result<Cancellation, Violation> {
    match v1::Cancellation::try_from(how) {
        Ok(v1::Cancellation::Unspecified | v1::Cancellation::Stop) => Ok(Cancellation::Stop),
        Ok(v1::Cancellation::RollBack) => Ok(Cancellation::RollBack),
        Ok(v1::Cancellation::Abandon) => Ok(Cancellation::Abandon),
        Err(_) => Err(Violation {
            field: "how".to_owned(),
            problem: format!("must be STOP (1), ROLL_BACK (2) or ABANDON (3), not {how}"),
        }),
    }
}
