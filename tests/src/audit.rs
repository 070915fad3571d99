//! What has to be true after every test, whatever happened in it.

use std::collections::{BTreeMap, BTreeSet};

use drover_proto::v1::{Attempt, AttemptState, Job, JobState, ListJobsRequest, Task, TaskState};

use crate::{Cluster, StoredAttempt, until};

/// So many records of jobs are read through the API; all are read from the store.
const READ_THROUGH_API: usize = 500;

const OPEN: [JobState; 3] = [JobState::Queued, JobState::Running, JobState::RollingBack];

/// Jobs that everything was found true of.
#[derive(Debug)]
pub struct Audited {
    /// With their tasks; [`READ_THROUGH_API`] at most.
    pub jobs: Vec<Job>,
    pub attempts: Vec<StoredAttempt>,
}

impl Cluster {
    /// Waits until everything has ended, and checks that these jobs and no others were recorded, that each has ended, that
    /// attempts are numbered without gaps, that nothing has succeeded twice, and that no process is left.
    ///
    /// # Panics
    /// When anything of this is not so.
    pub async fn audit(&self, submitted: &BTreeSet<String>) -> Audited {
        self.all_ended().await;
        let recorded: BTreeSet<String> = self
            .all_jobs()
            .await
            .into_iter()
            .map(|job| job.id)
            .collect();
        let lost: Vec<&String> = submitted.difference(&recorded).collect();
        assert!(lost.is_empty(), "acknowledged and not recorded: {lost:?}");
        let unknown: Vec<&String> = recorded.difference(submitted).collect();
        assert!(
            unknown.is_empty(),
            "recorded and not submitted: {unknown:?}"
        );

        let mut jobs = Vec::new();
        for id in recorded.iter().take(READ_THROUGH_API) {
            let job = self.job_when(id, |_| true).await;
            check_job(&job);
            jobs.push(job);
        }
        let attempts = self.database().attempts().await;
        check_stored(&attempts);
        let count = async |sql| self.database().number(sql).await;
        assert_eq!(count("SELECT count(*) FROM open_jobs").await, 0);
        let stored = count("SELECT count(*) FROM jobs").await;
        assert_eq!(usize::try_from(stored), Ok(submitted.len()), "jobs stored");
        self.mark().nothing_left().await;
        Audited { jobs, attempts }
    }

    /// However many jobs there are: only a standstill is waited for in vain.
    async fn all_ended(&self) {
        let mut open = u64::MAX;
        while open > 0 {
            open = until("another job to end", async || {
                let left = self.status().await.open_jobs;
                (left < open).then_some(left)
            })
            .await;
        }
        // And so says the record.
        let request = ListJobsRequest {
            states: OPEN.map(Into::into).to_vec(),
            page_size: 1,
            ..ListJobsRequest::default()
        };
        let listed = self.jobs().await.list(request).await;
        let listed = listed.expect("listed").into_inner().jobs;
        assert!(listed.is_empty(), "not ended: {listed:?}");
    }
}

fn check_job(job: &Job) {
    assert!(!OPEN.contains(&job.state()), "it has not ended: {job:?}");
    assert!(job.end_time.is_some(), "{job:?}");
    for task in &job.tasks {
        let succeeded = check_attempts(&task.attempts, job);
        check_attempts(&task.undo_attempts, job);
        check_task(task, succeeded, job);
    }
}

fn check_task(task: &Task, succeeded: bool, job: &Job) {
    let says_so = match task.state() {
        TaskState::Succeeded | TaskState::Undone | TaskState::UndoFailed => true,
        TaskState::Failed
        | TaskState::TimedOut
        | TaskState::Cancelled
        | TaskState::UpstreamFailed => false,
        open => panic!("task {} is {open:?}: {job:?}", task.name),
    };
    assert_eq!(succeeded, says_so, "task {}: {job:?}", task.name);
}

/// Whether one has succeeded: the last, and no other.
fn check_attempts(attempts: &[Attempt], job: &Job) -> bool {
    for (index, attempt) in attempts.iter().enumerate() {
        assert_eq!(attempt.number as usize, index + 1, "a gap: {job:?}");
        let state = attempt.state();
        let is_open = matches!(
            state,
            AttemptState::Assigned | AttemptState::Running | AttemptState::Stopping
        );
        assert!(!is_open, "attempt {} is {state:?}: {job:?}", attempt.number);
        let is_last = index + 1 == attempts.len();
        assert!(
            is_last || state != AttemptState::Succeeded,
            "run again after it had succeeded: {job:?}"
        );
    }
    let last = attempts.last();
    last.is_some_and(|attempt| attempt.state() == AttemptState::Succeeded)
}

/// The same as [`check_job`], of everything, past the coordinator.
fn check_stored(attempts: &[StoredAttempt]) {
    let mut steps: BTreeMap<(&str, i64), Vec<&StoredAttempt>> = BTreeMap::new();
    for attempt in attempts {
        let step = steps.entry((&attempt.job, attempt.task)).or_default();
        step.push(attempt);
    }
    for attempts in steps.values() {
        let numbers: Vec<i64> = attempts.iter().map(|attempt| attempt.attempt).collect();
        let expected: Vec<i64> = (1..).take(attempts.len()).collect();
        assert_eq!(numbers, expected, "a gap: {attempts:?}");
        let succeeded = attempts.iter().filter(|one| one.state == "succeeded");
        assert!(succeeded.count() <= 1, "succeeded twice: {attempts:?}");
        let open = attempts.iter().find(|one| {
            matches!(one.state.as_str(), "assigned" | "running")
                || one.state.starts_with("stopping")
        });
        assert_eq!(open, None, "not ended");
    }
}
