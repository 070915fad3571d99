//! Jobs as users see them.

mod pending;
mod tasks;

use drover_model::{
    AttemptRow, AttemptState, JobRow, JobState, JobView, NewJobRow, TaskState, Timestamp,
};
use prost::Message as _;

pub use tasks::{TaskStanding, task_states};

use crate::{time, v1};

/// A job's record, with what the model knows of it if it is open.
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
    let spec = job.spec.as_ref().expect("a summary has its spec");
    let places = tasks::places(&spec.tasks);
    let standings = task_states(&places, record.attempts, record.row.intent);
    let mut attempts = record.attempts.iter().peekable();
    let mut tasks = Vec::with_capacity(spec.tasks.len());
    for (index, standing) in standings.iter().enumerate() {
        let mut own = Vec::new();
        while let Some(row) = attempts.next_if(|row| row.key.task as usize <= index) {
            own.push(attempt(row));
        }
        let live = record.view.and_then(|view| view.tasks.get(index));
        let reason = live
            .and_then(|task| task.pending.as_ref())
            .map(|reason| pending::words(reason, &spec.tasks));
        tasks.push(v1::Task {
            name: spec.tasks[index].name.clone(),
            state: task_state(live.map_or(standing.state, |task| task.state)).into(),
            attempts: own,
            pending_reason: reason.unwrap_or_default(),
            retry_time: standing.retry_at.map(time::from_model),
        });
    }
    job.counts = Some(count(&tasks));
    job.tasks = tasks;
    Ok(job)
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
        state: job_state(row.state).into(),
        submit_time: Some(time::from_model(fixed.submitted_at)),
        start_time: row.started_at.map(time::from_model),
        end_time: row.ended_at.map(time::from_model),
        deadline: fixed.deadline.map(time::from_model),
        deadline_missed: missed,
        message: row.message.as_deref().unwrap_or_default().to_owned(),
        traceparent: fixed.traceparent.as_deref().unwrap_or_default().to_owned(),
        tasks: Vec::new(),
        counts: None,
    })
}

fn count(tasks: &[v1::Task]) -> v1::TaskCounts {
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
            | v1::TaskState::UpstreamFailed => counts.unsuccessful += 1,
            v1::TaskState::Unspecified
            | v1::TaskState::Pending
            | v1::TaskState::Queued
            | v1::TaskState::Retrying => {}
        }
    }
    counts
}

fn attempt(row: &AttemptRow) -> v1::Attempt {
    v1::Attempt {
        number: row.key.attempt,
        state: attempt_state(row.state).into(),
        node: row.node.to_string(),
        assign_time: Some(time::from_model(row.assigned_at)),
        start_time: row.started_at.map(time::from_model),
        end_time: row.ended_at.map(time::from_model),
        exit_code: row.exit_code,
        message: row.message.as_deref().unwrap_or_default().to_owned(),
        decision: row.decision.as_deref().unwrap_or_default().to_owned(),
    }
}

/// For the wire.
pub fn job_state(state: JobState) -> v1::JobState {
    match state {
        JobState::Queued => v1::JobState::Queued,
        JobState::Running => v1::JobState::Running,
        JobState::Succeeded => v1::JobState::Succeeded,
        JobState::Failed => v1::JobState::Failed,
        JobState::TimedOut => v1::JobState::TimedOut,
        JobState::Cancelled => v1::JobState::Cancelled,
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
    }
}

/// For the wire. Why it is being stopped is not told apart there.
fn attempt_state(state: AttemptState) -> v1::AttemptState {
    match state {
        AttemptState::Assigned => v1::AttemptState::Assigned,
        AttemptState::Running => v1::AttemptState::Running,
        AttemptState::Stopping | AttemptState::StoppingTimeout => v1::AttemptState::Stopping,
        AttemptState::Succeeded => v1::AttemptState::Succeeded,
        AttemptState::Failed => v1::AttemptState::Failed,
        AttemptState::TimedOut => v1::AttemptState::TimedOut,
        AttemptState::Cancelled => v1::AttemptState::Cancelled,
        AttemptState::Lost => v1::AttemptState::Lost,
    }
}

#[cfg(test)]
mod tests {
    use drover_model::{AttemptKey, Intent, JobId, PendingReason, TaskView};

    use super::*;

    fn stored(state: JobState, deadline: Option<i64>) -> (JobRow, NewJobRow) {
        let spec = v1::JobSpec {
            name: "nightly".to_owned(),
            tasks: vec![
                v1::TaskSpec {
                    name: "b".to_owned(),
                    needs: vec!["a".to_owned()],
                    ..Default::default()
                },
                v1::TaskSpec {
                    name: "a".to_owned(),
                    ..Default::default()
                },
            ],
            ..Default::default()
        };
        let row = JobRow {
            id: JobId::from_u128(1),
            from: None,
            state,
            intent: Intent::Run,
            started_at: Some(Timestamp(2_000)),
            ended_at: state.is_final().then_some(Timestamp(9_000)),
            message: None,
            new: None,
        };
        let fixed = NewJobRow {
            namespace: "default".into(),
            name: "nightly".into(),
            queue: "default".into(),
            priority: 50,
            submitted_at: Timestamp(1_000),
            deadline: deadline.map(Timestamp),
            request_id: None,
            traceparent: None,
            task_count: 2,
            stored_spec: spec.encode_to_vec().into(),
        };
        (row, fixed)
    }

    fn attempt_row(task: u32, attempt: u32, state: AttemptState) -> AttemptRow {
        AttemptRow {
            key: AttemptKey {
                job: JobId::from_u128(1),
                task,
                attempt,
            },
            from: None,
            state,
            node: "n1".into(),
            assigned_at: Timestamp(2_000),
            started_at: Some(Timestamp(2_001)),
            ended_at: None,
            exit_code: Some(3),
            message: Some("exit code 3".into()),
            retry_at: (state == AttemptState::Failed).then_some(Timestamp(5_000)),
            decision: Some("edf rank 0".into()),
        }
    }

    #[test]
    fn a_record_becomes_a_job_with_its_tasks() {
        let (row, fixed) = stored(JobState::Running, Some(4_000));
        let attempts = [
            attempt_row(1, 1, AttemptState::Failed),
            attempt_row(1, 2, AttemptState::Running),
        ];
        let record = JobRecord {
            row: &row,
            fixed: &fixed,
            attempts: &attempts,
            view: None,
        };
        let job = job(record, Timestamp(5_000)).unwrap();
        assert_eq!(job.state(), v1::JobState::Running);
        assert!(job.deadline_missed);
        assert_eq!(job.submit_time.unwrap().seconds, 1);
        assert_eq!(job.tasks[0].state(), v1::TaskState::Pending);
        assert!(job.tasks[0].attempts.is_empty());
        assert_eq!(job.tasks[1].state(), v1::TaskState::Running);
        let numbers: Vec<u32> = job.tasks[1].attempts.iter().map(|a| a.number).collect();
        assert_eq!(numbers, [1, 2]);
        let first = &job.tasks[1].attempts[0];
        assert_eq!((first.exit_code, &*first.message), (Some(3), "exit code 3"));
        assert_eq!(first.decision, "edf rank 0");
        let counts = job.counts.unwrap();
        assert_eq!((counts.total, counts.active, counts.succeeded), (2, 1, 0));
    }

    #[test]
    fn what_the_model_knows_comes_first() {
        let (row, fixed) = stored(JobState::Queued, None);
        let view = JobView {
            tasks: vec![
                TaskView {
                    state: TaskState::Pending,
                    pending: Some(PendingReason::Dependency { task: 1, unmet: 1 }),
                },
                TaskView {
                    state: TaskState::Assigned,
                    pending: None,
                },
            ],
        };
        let record = JobRecord {
            row: &row,
            fixed: &fixed,
            attempts: &[],
            view: Some(&view),
        };
        let job = job(record, Timestamp(5_000)).unwrap();
        assert_eq!(job.tasks[0].pending_reason, "waits for task `a`");
        assert_eq!(job.tasks[1].state(), v1::TaskState::Assigned);
        assert!(!job.deadline_missed);
    }

    #[test]
    fn an_ended_job_is_judged_by_its_end() {
        let (row, fixed) = stored(JobState::Succeeded, Some(9_000));
        let summary = summary(&row, &fixed, Timestamp(99_000)).unwrap();
        assert!(!summary.deadline_missed);
        assert_eq!(summary.end_time.unwrap().seconds, 9);
        assert!(summary.tasks.is_empty());
    }

    #[test]
    fn states_go_both_ways() {
        for state in JobState::ALL {
            assert_eq!(job_state_to_model(job_state(*state)), Some(*state));
        }
        assert_eq!(job_state_to_model(v1::JobState::Unspecified), None);
    }
}
