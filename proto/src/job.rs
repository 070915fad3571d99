//! Jobs as users see them.

mod cost;
mod death;
mod estimate;
mod explain;
mod pending;
mod states;
mod tasks;
#[cfg(test)]
mod tests;
mod words;

use drover_model::{
    AttemptRow, JobRow, JobView, NewJobRow, PendingReason, Priority, TaskState, TaskView, Timestamp,
};
use prost::Message as _;

use cost::Cost;
pub use death::{Death, death};
pub use explain::{Known, explanation};
pub use states::{attempt_state_to_model, cancellation, job_state, job_state_to_model, task_state};
pub use tasks::{PlannedTask, TaskStanding, plan, task_states};

use crate::{
    spec::{Place, Places, Role},
    time, v1,
};

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
    let places = Places::of(specs);
    let standings = task_states(&plan(&places), record.attempts, record.row.intent, now);
    let count = places.count();
    let own_end = record.attempts.partition_point(|row| row.key.task < count);
    let (own, undo) = record.attempts.split_at(own_end);
    let mut own = Steps { rows: own, now };
    let mut undo = Steps { rows: undo, now };
    let mut tasks: Vec<v1::Task> = Vec::with_capacity(standings.len());
    for ((place, standing), index) in places.iter().zip(standings).zip(0..) {
        let state = if record.row.state.is_final() {
            given_up(standing.state)
        } else {
            standing.state
        };
        let mut task = v1::Task {
            name: place.name(),
            instance_of: instance_of(&place),
            state: states::task_state(state).into(),
            attempts: own.next(index),
            undo_attempts: undo.next(count.saturating_add(index)),
            retry_time: standing.retry_at.map(time::from_model),
            ..Default::default()
        };
        if place.role == Role::Whole {
            stand_for_instances(&mut task, &tasks);
        }
        let view = record.view.and_then(|view| view.tasks.get(index as usize));
        task.pending_reason = pending_reason(&job, &task, &place, view, &places);
        task.estimate = estimate::of_task(&task, view);
        tasks.push(task);
    }
    let cost = Cost::of_all(record.attempts, now);
    job.cost_micros = cost.micros();
    job.energy_joules = cost.joules();
    job.counts = Some(count_states(
        tasks.iter().filter(|task| task.instances.is_none()),
    ));
    job.tasks = tasks;
    Ok(job)
}

/// Attempts in the order of their steps, to be taken step by step.
struct Steps<'a> {
    rows: &'a [AttemptRow],
    now: Timestamp,
}

impl Steps<'_> {
    fn next(&mut self, step: u32) -> Vec<v1::Attempt> {
        let end = self.rows.partition_point(|row| row.key.task <= step);
        let (taken, rest) = self.rows.split_at(end);
        self.rows = rest;
        taken.iter().map(|row| attempt(row, self.now)).collect()
    }
}

/// Empty when the task at this place does not wait, or nobody knows why.
fn pending_reason(
    job: &v1::Job,
    task: &v1::Task,
    place: &Place<'_>,
    view: Option<&TaskView>,
    places: &Places<'_>,
) -> String {
    let reason = view.and_then(|view| view.pending.as_ref());
    let Some(reason) = reason.filter(|_| waits(task)) else {
        return String::new();
    };
    let undo = task.state() == v1::TaskState::Undoing;
    let words = pending::words(reason, places, undo);
    match reason {
        PendingReason::WaitsForCapacity { .. } if !undo && place.is_of_gang() && preempts(job) => {
            words + pending::NOBODY_STOPS_FOR_A_GANG
        }
        _ => words,
    }
}

/// Whether others may be stopped for tasks of the job, if they are members of no gang. By the record; the model knows best.
fn preempts(job: &v1::Job) -> bool {
    job.spec.as_ref().is_some_and(|spec| {
        let is_urgent = spec.priority == Some(Priority::URGENT.get().into());
        let is_escalated =
            job.deadline_missed && spec.deadline_action() == v1::DeadlineAction::Escalate;
        spec.may_preempt && (is_urgent || is_escalated)
    })
}

/// Why a job is refused of which the task at this place could never start, in words.
pub fn impossibility(stored_spec: &[u8], place: u32, reason: &PendingReason) -> String {
    let spec = v1::JobSpec::decode(stored_spec).unwrap_or_default();
    let places = Places::of(&spec.tasks);
    let task = places.get(place);
    format!(
        "task `{}` of job `{}` could never start on the nodes that have joined: {}",
        task.map_or_else(|| place.to_string(), |task| task.name()),
        spec.name,
        pending::words(reason, &places, false)
    )
}

fn is_active(state: v1::AttemptState) -> bool {
    matches!(
        state,
        v1::AttemptState::Assigned | v1::AttemptState::Running | v1::AttemptState::Stopping
    )
}

/// Whether the task, or its undo step, waits by the record: a view is of another moment.
fn waits(task: &v1::Task) -> bool {
    match task.state() {
        v1::TaskState::Pending | v1::TaskState::Queued | v1::TaskState::Retrying => true,
        v1::TaskState::Undoing => {
            let last = task.undo_attempts.last();
            last.is_none_or(|attempt| !is_active(attempt.state()))
        }
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
        cost_micros: 0,
        energy_joules: 0,
    })
}

/// Empty unless it is an instance.
fn instance_of(place: &Place<'_>) -> String {
    match place.role {
        Role::Instance(_) => place.task.name.clone(),
        Role::Alone | Role::Whole => String::new(),
    }
}

/// Where the instances of a task stand, which are the last of what comes before it, and its own state by that: to the model it only
/// waits for them.
fn stand_for_instances(task: &mut v1::Task, before: &[v1::Task]) {
    use v1::TaskState::{Failed, Pending, Running, TimedOut, UpstreamFailed};
    let its = |one: &&v1::Task| one.instance_of == task.name;
    let instances = || before.iter().rev().take_while(its);
    let counts = count_states(instances());
    let has_begun = counts.active + counts.succeeded + counts.unsuccessful > 0;
    let has_failed = || instances().any(|one| matches!(one.state(), Failed | TimedOut));
    let state = match task.state() {
        Pending if has_begun => Running,
        UpstreamFailed if has_failed() => Failed,
        state => state,
    };
    task.set_state(state);
    task.instances = Some(counts);
}

fn count_states<'a>(tasks: impl Iterator<Item = &'a v1::Task>) -> v1::TaskCounts {
    let mut counts = v1::TaskCounts::default();
    for task in tasks {
        counts.total += 1;
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

fn attempt(row: &AttemptRow, now: Timestamp) -> v1::Attempt {
    let cost = Cost::of(row, now);
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
        cost_micros: cost.micros(),
        energy_joules: cost.joules(),
    }
}
