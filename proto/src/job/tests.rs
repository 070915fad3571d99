use drover_model::{
    AttemptKey, AttemptState, Cancellation, Intent, JobId, JobState, PendingReason, Rate, TaskView,
};

use super::*;

mod instances;

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
        replay_of: None,
        stored_spec: spec.encode_to_vec().into(),
    };
    (row, fixed)
}

/// As it is shown `now`, in ms.
fn shown(
    (row, fixed): &(JobRow, NewJobRow),
    attempts: &[AttemptRow],
    view: Option<&JobView>,
    now: i64,
) -> v1::Job {
    let record = JobRecord {
        row,
        fixed,
        attempts,
        view,
    };
    job(record, Timestamp(now)).unwrap()
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
        rate: Rate {
            cost_per_hour_micros: 3_600_000,
            power_milliwatts: 250_000,
        },
    }
}

#[test]
fn a_record_becomes_a_job_with_its_tasks() {
    let record = stored(JobState::Running, Some(4_000));
    let attempts = [
        attempt_row(1, 1, AttemptState::Failed),
        attempt_row(1, 2, AttemptState::Running),
    ];
    let job = shown(&record, &attempts, None, 5_000);
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

fn view(tasks: &[(TaskState, Option<PendingReason>)]) -> JobView {
    let tasks = tasks.iter().cloned();
    JobView {
        tasks: tasks
            .map(|(state, pending)| TaskView {
                state,
                pending,
                estimate: None,
            })
            .collect(),
    }
}

fn after_the_other() -> Option<PendingReason> {
    Some(PendingReason::Dependency { task: 1, unmet: 1 })
}

#[test]
fn the_model_says_why_tasks_wait() {
    let record = stored(JobState::Queued, None);
    let view = view(&[
        (TaskState::Pending, after_the_other()),
        (TaskState::Queued, None),
    ]);
    let job = shown(&record, &[], Some(&view), 5_000);
    assert_eq!(job.tasks[0].pending_reason, "waits for task `a`");
    assert_eq!(job.tasks[1].pending_reason, "");
    assert!(!job.deadline_missed);
}

/// The view is taken after the record is read, or before: either way they may tell of different moments.
#[test]
fn a_task_stands_where_its_attempts_do() {
    let record = stored(JobState::Running, None);
    let states = |job: &v1::Job| (job.tasks[1].state(), job.tasks[1].attempts[0].state());
    let later = view(&[
        (TaskState::Pending, after_the_other()),
        (TaskState::Running, None),
    ]);
    let assigned = [attempt_row(1, 1, AttemptState::Assigned)];
    let job = shown(&record, &assigned, Some(&later), 5_000);
    let expected = (v1::TaskState::Assigned, v1::AttemptState::Assigned);
    assert_eq!(states(&job), expected);
    let earlier = view(&[
        (TaskState::Pending, None),
        (TaskState::Queued, after_the_other()),
    ]);
    let running = [attempt_row(1, 1, AttemptState::Running)];
    let job = shown(&record, &running, Some(&earlier), 5_000);
    let expected = (v1::TaskState::Running, v1::AttemptState::Running);
    assert_eq!(states(&job), expected);
    assert_eq!(job.tasks[1].pending_reason, "", "it does not wait");
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
    for state in AttemptState::ALL {
        let wire = states::attempt_state(*state);
        let back = attempt_state_to_model(wire).expect("it is one");
        assert_eq!(states::attempt_state(back), wire);
        assert_eq!(back.is_final(), state.is_final());
    }
    assert_eq!(attempt_state_to_model(v1::AttemptState::Unspecified), None);
}

#[test]
fn attempts_of_undo_steps_stand_beside_those_of_their_tasks() {
    let mut record = stored(JobState::RolledBack, None);
    record.0.intent = Intent::RollBack;
    record.1.replay_of = Some(JobId::from_u128(9));
    let attempts = [
        attempt_row(0, 1, AttemptState::Cancelled),
        attempt_row(1, 1, AttemptState::Succeeded),
        attempt_row(3, 1, AttemptState::Failed),
        attempt_row(3, 2, AttemptState::Succeeded),
    ];
    let job = shown(&record, &attempts, None, 10_000);
    assert_eq!(job.replay_of, JobId::from_u128(9).to_string());
    let [b, a] = job.tasks.try_into().unwrap();
    assert_eq!((b.attempts.len(), b.undo_attempts.len()), (1, 0));
    assert_eq!((a.attempts.len(), a.undo_attempts.len()), (1, 2));
    assert_eq!(a.undo_attempts[1].number, 2);
    assert_eq!(a.state(), v1::TaskState::Undone);
    assert_eq!(job.counts.unwrap().unsuccessful, 2);
}

#[test]
fn what_a_job_that_was_given_up_had_not_ended_counts_as_cancelled() {
    let record = stored(JobState::Failed, None);
    let mut lost = attempt_row(1, 1, AttemptState::Lost);
    lost.retry_at = None;
    for (attempts, expected) in [
        (vec![], [v1::TaskState::Cancelled, v1::TaskState::Cancelled]),
        (
            vec![lost],
            [v1::TaskState::UpstreamFailed, v1::TaskState::Failed],
        ),
    ] {
        let job = shown(&record, &attempts, None, 10_000);
        assert_eq!([job.tasks[0].state(), job.tasks[1].state()], expected);
    }
}

#[test]
fn a_rollback_waits_for_undo_steps() {
    let mut record = stored(JobState::RollingBack, None);
    record.0.intent = Intent::RollBack;
    let earlier = PendingReason::Dependency { task: 0, unmet: 1 };
    let view = view(&[
        (TaskState::Undoing, after_the_other()),
        (TaskState::Undoing, Some(earlier)),
    ]);
    let attempts = [
        attempt_row(0, 1, AttemptState::Succeeded),
        attempt_row(1, 1, AttemptState::Succeeded),
        attempt_row(2, 1, AttemptState::Running),
    ];
    let job = shown(&record, &attempts, Some(&view), 5_000);
    assert_eq!(job.tasks[0].state(), v1::TaskState::Undoing);
    assert_eq!(job.tasks[0].pending_reason, "", "its undo step runs");
    let words = "waits for the undo of task `b`";
    assert_eq!(job.tasks[1].pending_reason, words);
}

#[test]
fn a_cancellation_is_named() {
    assert_eq!(cancellation(0), Ok(Cancellation::Stop));
    assert_eq!(cancellation(2), Ok(Cancellation::RollBack));
    assert_eq!(cancellation(3), Ok(Cancellation::Abandon));
    assert_eq!(cancellation(9).unwrap_err().field, "how");
}

#[test]
fn a_job_costs_what_its_attempts_held() {
    let record = stored(JobState::Running, None);
    // At 3.6 an hour and 250 W, from second 2 on.
    let ended = AttemptRow {
        ended_at: Some(Timestamp(4_000)),
        ..attempt_row(1, 1, AttemptState::Failed)
    };
    let held = attempt_row(1, 2, AttemptState::Running);
    let job = shown(&record, &[ended, held], None, 5_000);
    let costs: Vec<_> = job.tasks[1]
        .attempts
        .iter()
        .map(|attempt| (attempt.cost_micros, attempt.energy_joules))
        .collect();
    assert_eq!(costs, [(2_000, 500), (3_000, 750)]);
    assert_eq!((job.cost_micros, job.energy_joules), (5_000, 1_250));
}

#[test]
fn many_short_attempts_do_not_round_to_nothing() {
    let record = stored(JobState::Succeeded, None);
    let short = |number| AttemptRow {
        ended_at: Some(Timestamp(2_001)),
        ..attempt_row(1, number, AttemptState::Succeeded)
    };
    let attempts: Vec<AttemptRow> = (1..=8).map(short).collect();
    let job = shown(&record, &attempts, None, 5_000);
    assert_eq!(job.tasks[1].attempts[0].energy_joules, 0);
    assert_eq!((job.cost_micros, job.energy_joules), (8, 2));
}

#[test]
fn a_clock_that_was_set_back_costs_nothing() {
    let record = stored(JobState::Running, None);
    let job = shown(
        &record,
        &[attempt_row(1, 1, AttemptState::Running)],
        None,
        0,
    );
    assert_eq!((job.cost_micros, job.energy_joules), (0, 0));
}

#[test]
fn an_attempt_that_makes_room_is_stopping() {
    let record = stored(JobState::Running, None);
    let attempts = [attempt_row(1, 1, AttemptState::StoppingRequeue)];
    let job = shown(&record, &attempts, None, 5_000);
    assert_eq!(job.tasks[1].state(), v1::TaskState::Stopping);
    let attempt = &job.tasks[1].attempts[0];
    assert_eq!(attempt.state(), v1::AttemptState::Stopping);
}
