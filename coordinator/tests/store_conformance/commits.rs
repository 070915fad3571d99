use drover_model::{
    AttemptRow, AttemptState, Epoch, Intent, JobRow, JobState, Rate, Timestamp, TurnNumber,
    turn::{CommitOutcome, SealedTurn},
};

use crate::{
    databases::Database,
    estimates::estimates,
    fixtures::{
        Leader, TERM, as_stored, attempt_update, everything, full_attempt, full_job, id,
        job_update, new_attempt, new_job, queue,
    },
    nodes::node,
};

pub(crate) async fn every_column_survives(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    let job = full_job(1);
    let expired = AttemptRow {
        state: AttemptState::Expired,
        node: "".into(),
        ..new_attempt(1, 1, 1)
    };
    let attempts = [full_attempt(1, 0, 1), new_attempt(1, 0, 2), expired];
    let queues = [queue("a \"b\"", b"\0\xff"), queue("b", b"")];
    leader
        .commit(SealedTurn {
            jobs: vec![job.clone(), new_job(2)],
            attempts: attempts.to_vec(),
            nodes: vec![node("n1")],
            queues: vec![queues[1].clone(), queues[0].clone()],
            estimates: estimates().into_iter().rev().collect(),
            ..leader.next()
        })
        .await;
    let seen = everything(&*database.store).await;
    assert_eq!((seen.turn, seen.epoch), (leader.turn, leader.epoch));
    assert_eq!(seen.model_time, Timestamp(1_000));
    assert_eq!(seen.nodes, [node("n1")]);
    assert_eq!(seen.queues, queues);
    assert_eq!(seen.estimates, estimates());
    let expected = [as_stored(&job, &attempts), as_stored(&new_job(2), &[])];
    assert_eq!(seen.open, expected);
    assert!(seen.all.iter().rev().eq(&expected));
}

/// The names of the model and the CHECKs of the schema are the same.
pub(crate) async fn every_state_can_be_stored(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    let mut jobs = Vec::new();
    for (number, &state) in (0..).zip(JobState::ALL) {
        jobs.push(JobRow {
            state,
            ended_at: Some(Timestamp(300)),
            ..new_job(number)
        });
    }
    for (number, &intent) in (100..).zip(Intent::ALL) {
        jobs.push(JobRow {
            intent,
            ..new_job(number)
        });
    }
    let attempts: Vec<_> = (0..)
        .zip(AttemptState::ALL)
        .map(|(task, &state)| AttemptRow {
            state,
            ..new_attempt(100, task, 1)
        })
        .collect();
    let turn = SealedTurn {
        attempts: attempts.clone(),
        ..leader.with_jobs(jobs)
    };
    leader.commit(turn).await;
    let (_, job) = database.store.job(id(100)).await.expect("reads");
    assert_eq!(job.expect("is there").attempts, attempts);
}

pub(crate) async fn an_update_keeps_what_is_unset(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    let (job, attempt) = (full_job(1), full_attempt(1, 0, 1));
    leader
        .commit(SealedTurn {
            jobs: vec![job.clone(), new_job(2)],
            attempts: vec![attempt.clone(), new_attempt(2, 7, 1)],
            ..leader.next()
        })
        .await;
    let job_end = JobRow {
        ended_at: Some(Timestamp(300)),
        ..job_update(1, JobState::Running, JobState::Succeeded)
    };
    let attempt_end = AttemptRow {
        started_at: Some(Timestamp(161)),
        ended_at: Some(Timestamp(162)),
        exit_code: Some(0),
        message: Some("done".into()),
        retry_at: Some(Timestamp(163)),
        node: "ignored".into(),
        decision: Some("ignored".into()),
        rate: full_attempt(1, 0, 1).rate,
        ..attempt_update(
            new_attempt(2, 7, 1).key,
            AttemptState::Assigned,
            AttemptState::Succeeded,
        )
    };
    leader
        .commit(SealedTurn {
            jobs: vec![job_end, job_update(2, JobState::Queued, JobState::Running)],
            attempts: vec![
                attempt_update(attempt.key, AttemptState::Failed, AttemptState::Lost),
                attempt_end.clone(),
            ],
            ..leader.next()
        })
        .await;
    let seen = everything(&*database.store).await;
    let first = JobRow {
        state: JobState::Succeeded,
        intent: Intent::Run,
        ended_at: Some(Timestamp(300)),
        ..job
    };
    let first_attempt = AttemptRow {
        state: AttemptState::Lost,
        ..attempt
    };
    let second = JobRow {
        state: JobState::Running,
        ..new_job(2)
    };
    let second_attempt = AttemptRow {
        node: "n1".into(),
        decision: None,
        rate: Rate::default(),
        ..attempt_end
    };
    let second = as_stored(&second, &[second_attempt]);
    assert_eq!(seen.open, std::slice::from_ref(&second));
    assert_eq!(seen.all, [second, as_stored(&first, &[first_attempt])]);
}

pub(crate) async fn a_job_may_start_and_end_in_one_turn(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    let job = JobRow {
        state: JobState::Succeeded,
        started_at: Some(Timestamp(1)),
        ended_at: Some(Timestamp(2)),
        ..new_job(1)
    };
    let attempt = AttemptRow {
        state: AttemptState::Succeeded,
        ..full_attempt(1, 0, 1)
    };
    leader
        .commit(SealedTurn {
            jobs: vec![job.clone()],
            attempts: vec![attempt.clone()],
            ..leader.next()
        })
        .await;
    let seen = everything(&*database.store).await;
    assert_eq!(seen.open, []);
    assert_eq!(seen.all, [as_stored(&job, &[attempt])]);
}

pub(crate) async fn another_epoch_is_fenced(database: Database) {
    let leader = Leader::of(&database.store).await;
    let before = everything(&*database.store).await;
    for epoch in [leader.epoch.0 - 1, leader.epoch.0 + 1] {
        let turn = SealedTurn {
            epoch: Epoch(epoch),
            nodes: vec![node("n1")],
            ..leader.with_jobs(vec![new_job(1)])
        };
        assert_eq!(
            database.store.commit(&turn, TERM).await,
            CommitOutcome::Fenced
        );
    }
    assert_eq!(everything(&*database.store).await, before);
}

pub(crate) async fn another_turn_is_fenced(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    leader.commit(leader.with_jobs(vec![new_job(1)])).await;
    let before = everything(&*database.store).await;
    for turn in [leader.turn, TurnNumber(leader.turn.0 + 2)] {
        let turn = SealedTurn {
            turn,
            ..leader.with_jobs(vec![new_job(2)])
        };
        assert_eq!(
            database.store.commit(&turn, TERM).await,
            CommitOutcome::Fenced
        );
    }
    assert_eq!(everything(&*database.store).await, before);
}

pub(crate) async fn a_wrong_old_state_of_a_job_surprises(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    leader
        .commit(leader.with_jobs(vec![new_job(1), new_job(2)]))
        .await;
    let turn = SealedTurn {
        jobs: vec![
            new_job(3),
            job_update(1, JobState::Queued, JobState::Running),
            job_update(2, JobState::Running, JobState::Failed),
        ],
        attempts: vec![new_attempt(1, 0, 1)],
        nodes: vec![node("n1")],
        ..leader.next()
    };
    leader.expect_surprise(turn).await;
}

pub(crate) async fn a_wrong_old_state_of_an_attempt_surprises(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    let attempt = new_attempt(1, 0, 1);
    let key = attempt.key;
    leader
        .commit(SealedTurn {
            attempts: vec![attempt],
            ..leader.with_jobs(vec![new_job(1)])
        })
        .await;
    let turn = SealedTurn {
        jobs: vec![job_update(1, JobState::Queued, JobState::Running)],
        attempts: vec![attempt_update(
            key,
            AttemptState::Running,
            AttemptState::Succeeded,
        )],
        ..leader.next()
    };
    leader.expect_surprise(turn).await;
}

pub(crate) async fn a_missing_row_surprises(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    leader.commit(leader.with_jobs(vec![new_job(1)])).await;
    let missing_job = leader.with_jobs(vec![
        job_update(1, JobState::Queued, JobState::Running),
        job_update(9, JobState::Queued, JobState::Running),
    ]);
    leader.expect_surprise(missing_job).await;
    let missing_attempt = SealedTurn {
        attempts: vec![attempt_update(
            new_attempt(1, 0, 1).key,
            AttemptState::Assigned,
            AttemptState::Running,
        )],
        ..leader.with_jobs(vec![job_update(1, JobState::Queued, JobState::Running)])
    };
    leader.expect_surprise(missing_attempt).await;
}

pub(crate) async fn a_queue_that_is_set_again_replaces_its_row(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    for queues in [
        vec![queue("b", b"old"), queue("a", b"kept")],
        vec![queue("b", b"new")],
    ] {
        leader
            .commit(SealedTurn {
                queues,
                ..leader.next()
            })
            .await;
    }
    let expected = [queue("a", b"kept"), queue("b", b"new")];
    assert_eq!(everything(&*database.store).await.queues, expected);
    let store = &database.store;
    assert_eq!(store.queues("default").await.expect("reads"), expected);
    assert_eq!(store.queues("other").await.expect("reads"), []);
}
