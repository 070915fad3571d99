use drover_model::{Intent, JobId, JobRow, NewJobRow, Rate, Timestamp};

use super::*;

fn spec() -> v1::JobSpec {
    let task = |name: &str, rule| v1::TaskSpec {
        name: name.to_owned(),
        retry: Some(rule),
        undo: Some(v1::UndoStep::default()),
        ..Default::default()
    };
    let retries = |retries| v1::RetryRule {
        retries,
        ..Default::default()
    };
    v1::JobSpec {
        name: "nightly".to_owned(),
        tasks: vec![task("build", retries(3)), task("test", retries(0))],
        ..Default::default()
    }
}

fn attempt(task: u32, number: u32, state: AttemptState, message: &str) -> AttemptRow {
    AttemptRow {
        key: AttemptKey {
            job: JobId::from_u128(1),
            task,
            attempt: number,
        },
        from: None,
        state,
        node: "n1".into(),
        assigned_at: Timestamp(1),
        started_at: Some(Timestamp(2)),
        ended_at: Some(Timestamp(10 + i64::from(number))),
        exit_code: None,
        message: (!message.is_empty()).then(|| message.into()),
        retry_at: None,
        decision: None,
        rate: Rate::default(),
    }
}

fn retried(task: u32, number: u32, state: AttemptState) -> AttemptRow {
    AttemptRow {
        retry_at: Some(Timestamp(99)),
        ..attempt(task, number, state, "exited with code 1")
    }
}

fn died(state: JobState, message: Option<&str>, attempts: &[AttemptRow]) -> Death {
    died_with(&spec(), state, message, attempts)
}

fn died_with(
    spec: &v1::JobSpec,
    state: JobState,
    message: Option<&str>,
    attempts: &[AttemptRow],
) -> Death {
    let row = JobRow {
        id: JobId::from_u128(1),
        from: None,
        state,
        intent: Intent::Fail,
        started_at: None,
        ended_at: Some(Timestamp(99)),
        message: message.map(Into::into),
        new: None,
    };
    let fixed = NewJobRow {
        namespace: "default".into(),
        name: "nightly".into(),
        queue: "default".into(),
        priority: 50,
        submitted_at: Timestamp(0),
        deadline: None,
        request_id: None,
        traceparent: None,
        task_count: 2,
        stored_spec: spec.encode_to_vec().into(),
        replay_of: None,
    };
    let record = JobRecord {
        row: &row,
        fixed: &fixed,
        attempts,
        view: None,
    };
    death(record).unwrap()
}

#[track_caller]
fn assert_death(attempts: &[AttemptRow], reason: &str, task: &str) {
    let death = died(JobState::Failed, None, attempts);
    assert_eq!(
        (&*death.reason, death.task.as_deref()),
        (reason, Some(task))
    );
    assert!(death.attempt.is_some());
}

#[test]
fn the_last_attempt_says_why() {
    use AttemptState::{Cancelled, Expired, Failed, Lost, TimedOut};
    let three = [1, 2, 3].map(|number| retried(0, number, Failed));
    let mut all: Vec<AttemptRow> = three.into();
    all.push(attempt(0, 4, Failed, "exited with code 3"));
    all.push(attempt(1, 1, Cancelled, ""));
    assert_death(
        &all,
        "task `build` failed: exited with code 3 (attempt 4 of 4)",
        "build",
    );
    assert_death(
        &[
            retried(0, 1, Lost),
            attempt(0, 2, Failed, "exited with code 64"),
        ],
        "task `build` failed: exited with code 64 (attempt 1 of 4; what ends so is not tried again)",
        "build",
    );
    assert_death(
        &[attempt(1, 1, TimedOut, "")],
        "task `test` timed out: it ran longer than its limit",
        "test",
    );
    assert_death(
        &[
            retried(1, 1, Lost),
            retried(1, 2, Lost),
            attempt(1, 3, Lost, "it was silent; lost its node 3 times"),
        ],
        "task `test` was lost: it was silent; lost its node 3 times",
        "test",
    );
    assert_death(
        &[attempt(1, 1, Lost, "")],
        "task `test` was lost: its node went away",
        "test",
    );
    assert_death(
        &[attempt(1, 1, Lost, "the agent was cut off for too long")],
        "task `test` was lost: the agent was cut off for too long",
        "test",
    );
    assert_death(
        &[attempt(1, 1, Expired, "found no node within 2 s")],
        "task `test` found no node within 2 s",
        "test",
    );
}

#[test]
fn the_first_that_failed_is_named() {
    let mut late = attempt(0, 1, AttemptState::Failed, "late");
    late.ended_at = Some(Timestamp(50));
    let early = attempt(1, 1, AttemptState::Failed, "early");
    assert_death(&[late, early], "task `test` failed: early", "test");
}

#[test]
fn an_undo_that_failed_is_what_matters_then() {
    let attempts = [
        attempt(0, 1, AttemptState::Succeeded, ""),
        attempt(1, 1, AttemptState::Failed, "exited with code 1"),
        retried(2, 1, AttemptState::Failed),
        attempt(2, 2, AttemptState::Failed, "no such server"),
    ];
    let death = died(JobState::RollbackFailed, None, &attempts);
    assert_eq!(
        death.reason,
        "undo of task `build` failed: no such server (attempt 2 of 4; what ends so is not tried again)"
    );
    assert_eq!(death.task.as_deref(), Some("build"));
    assert_eq!(death.attempt, Some(attempts[3].key));
    let rolled_back = died(JobState::RolledBack, None, &attempts[..2]);
    assert_eq!(rolled_back.reason, "task `test` failed: exited with code 1");
}

#[test]
fn what_was_said_of_the_job_comes_first() {
    let expired = died(JobState::TimedOut, Some("its deadline passed"), &[]);
    assert_eq!(
        (&*expired.reason, expired.task),
        ("its deadline passed", None)
    );
    let failed = [attempt(0, 1, AttemptState::Failed, "x")];
    let both = died(JobState::TimedOut, Some("its deadline passed"), &failed);
    assert_eq!(both.reason, "its deadline passed");
    assert_eq!(both.task.as_deref(), Some("build"));
    let abandoned = died(JobState::RollbackFailed, Some("enough"), &failed);
    assert_eq!(abandoned.reason, "the rollback was abandoned: enough");
}

/// As in lists.
#[test]
fn without_attempts_the_row_says_what_it_can() {
    for state in JobState::ALL.iter().filter(|state| state.is_dead()) {
        let death = died(*state, None, &[]);
        assert!(!death.reason.is_empty());
        assert_eq!((death.task, death.attempt), (None, None));
    }
}

#[test]
fn what_an_array_forgives_nobody_died_of() {
    let attempts = [
        attempt(1, 1, AttemptState::Failed, "exited with code 1"),
        AttemptRow {
            ended_at: Some(Timestamp(50)),
            ..attempt(4, 1, AttemptState::Failed, "exited with code 2")
        },
    ];
    for (max_failed, task) in [(0, "build[1]"), (1, "test")] {
        let mut spec = spec();
        spec.tasks[0].instances = Some(v1::task_spec::Instances::Array(v1::Array {
            count: 3,
            parallel: 0,
            max_failed,
        }));
        let death = died_with(&spec, JobState::Failed, None, &attempts);
        assert_eq!(death.task.as_deref(), Some(task));
        assert!(
            death.reason.contains(&format!("`{task}`")),
            "{}",
            death.reason
        );
    }
}
