//! Jobs as users see them.

mod death;
mod pending;
mod states;
mod tasks;
#[cfg(test)]
mod tests;

use drover_model::{AttemptRow, JobRow, JobView, NewJobRow, TaskState, Timestamp};
use prost::Message as _;

pub use death::{Death, death};
pub use states::{cancellation, job_state, job_state_to_model, task_state};
pub use tasks::{PlannedTask, TaskStanding, plan, task_states};

use crate::{time, v1};

/// A job's record, and why its tasks wait, which only the model knows. Where they stand is said by the record alone, so
/// that a task and its attempts agree.
#[derive(Clone, Copy, Debug)]
pub struct JobRecord<'a> {
    pub row: &'a JobRow,
    pub fixed: &'a NewJobRow,
    /// By task and number.
    pub attempts: &'a [AttemptRow],
    pub view: Option<&'a JobView>,
}

/// A job with its tasks, for the wire. `now` decides whether an open job is beyond its deadline.
///
/// # Errors
/// When the stored spec cannot be decoded.
pub fn job(record: JobRecord<'_>, now: Timestamp) -> Result<v1::Job, prost::DecodeError> {
    let mut job = summary(record.row, record.fixed, now)?;
    let specs = &job.spec.as_ref().expect("a summary has its spec").tasks;
    let standings = task_states(&plan(specs), record.attempts, record.row.intent, now);
    let count = u32::try_from(specs.len()).unwrap_or(u32::MAX);
    let own_end = record.attempts.partition_point(|row| row.key.task < count);
    let (own, undo) = record.attempts.split_at(own_end);
    let mut own = Steps(own);
    let mut undo = Steps(undo);
    let mut tasks = Vec::with_capacity(specs.len());
    for ((spec, standing), index) in specs.iter().zip(standings).zip(0..) {
        let state = if record.row.state.is_final() {
            given_up(standing.state)
        } else {
            standing.state
        };
        let undo_rows = undo.next(count.saturating_add(index));
        let reason = record
            .view
            .and_then(|view| view.tasks.get(index as usize)?.pending.as_ref())
            .filter(|_| waits(state, undo_rows.last()))
            .map(|reason| pending::words(reason, specs, state == TaskState::Undoing));
        tasks.push(v1::Task {
            name: spec.name.clone(),
            state: states::task_state(state).into(),
            attempts: own.next(index).iter().map(attempt).collect(),
            undo_attempts: undo_rows.iter().map(attempt).collect(),
            pending_reason: reason.unwrap_or_default(),
            retry_time: standing.retry_at.map(time::from_model),
        });
    }
    job.counts = Some(count_states(&tasks));
    job.tasks = tasks;
    Ok(job)
}

/// Attempts in the order of their steps, to be taken step by step.
struct Steps<'a>(&'a [AttemptRow]);

impl<'a> Steps<'a> {
    fn next(&mut self, step: u32) -> &'a [AttemptRow] {
        let end = self.0.partition_point(|row| row.key.task <= step);
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }
}

/// Whether the task, or its undo step, waits by the record: a view is of another moment.
fn waits(state: TaskState, last_undo: Option<&AttemptRow>) -> bool {
    match state {
        TaskState::Pending | TaskState::Queued | TaskState::Retrying => true,
        TaskState::Undoing => last_undo.is_none_or(|attempt| attempt.state.is_final()),
        _ => false,
    }
}

/// A job that was ended in the record alone leaves tasks that no event has ended.
fn given_up(state: TaskState) -> TaskState {
    if state.is_final() {
        state
    } else {
        TaskState::Cancelled
    }
}

/// A job without its tasks, for lists.
///
/// # Errors
/// When the stored spec cannot be decoded.
pub fn summary(
    row: &JobRow,
    fixed: &NewJobRow,
    now: Timestamp,
) -> Result<v1::Job, prost::DecodeError> {
    let spec = v1::JobSpec::decode(fixed.stored_spec.clone())?;
    let missed = fixed
        .deadline
        .is_some_and(|deadline| row.ended_at.unwrap_or(now) > deadline);
    Ok(v1::Job {
        id: row.id.to_string(),
        spec: Some(spec),
        state: states::job_state(row.state).into(),
        submit_time: Some(time::from_model(fixed.submitted_at)),
        start_time: row.started_at.map(time::from_model),
        end_time: row.ended_at.map(time::from_model),
        deadline: fixed.deadline.map(time::from_model),
        deadline_missed: missed,
        message: row.message.as_deref().unwrap_or_default().to_owned(),
        traceparent: fixed.traceparent.as_deref().unwrap_or_default().to_owned(),
        tasks: Vec::new(),
        counts: None,
        replay_of: fixed
            .replay_of
            .map_or_else(String::new, |job| job.to_string()),
    })
}

fn count_states(tasks: &[v1::Task]) -> v1::TaskCounts {
    let mut counts = v1::TaskCounts {
        total: u32::try_from(tasks.len()).unwrap_or(u32::MAX),
        ..Default::default()
    };
    for task in tasks {
        match task.state() {
            v1::TaskState::Assigned | v1::TaskState::Running | v1::TaskState::Stopping => {
                counts.active += 1;
            }
            v1::TaskState::Succeeded => counts.succeeded += 1,
            v1::TaskState::Failed
            | v1::TaskState::TimedOut
            | v1::TaskState::Cancelled
            | v1::TaskState::UpstreamFailed
            | v1::TaskState::Undone
            | v1::TaskState::UndoFailed => counts.unsuccessful += 1,
            v1::TaskState::Unspecified
            | v1::TaskState::Pending
            | v1::TaskState::Queued
            | v1::TaskState::Retrying
            | v1::TaskState::Undoing => {}
        }
    }
    counts
}

fn attempt(row: &AttemptRow) -> v1::Attempt {
    v1::Attempt {
        number: row.key.attempt,
        state: states::attempt_state(row.state).into(),
        node: row.node.to_string(),
        assign_time: Some(time::from_model(row.assigned_at)),
        start_time: row.started_at.map(time::from_model),
        end_time: row.ended_at.map(time::from_model),
        exit_code: row.exit_code,
        message: row.message.as_deref().unwrap_or_default().to_owned(),
        decision: row.decision.as_deref().unwrap_or_default().to_owned(),
    }
}
