use drover_coordinator::store::StoreError;
use drover_model::{
    AttemptRow, AttemptState, Epoch, Intent, JobRow, JobState, Timestamp, turn::SealedTurn,
};

use crate::{
    databases::Database,
    dead_letters::states_of_attempts,
    fixtures::{
        Leader, as_stored, dead, everything, full_attempt, id, job_update, new_attempt, new_job,
        numbered,
    },
};

const NOW: Timestamp = Timestamp(2_000);

/// Two jobs with attempts.
async fn with_two_jobs(database: &Database) -> Leader {
    let mut leader = Leader::of(&database.store).await;
    let attempts = |job| {
        [
            full_attempt(job, 0, 1),
            new_attempt(job, 0, 2),
            AttemptRow {
                state: AttemptState::Succeeded,
                ..full_attempt(job, 1, 1)
            },
            AttemptRow {
                state: AttemptState::StoppingTimeout,
                ..new_attempt(job, 2, 1)
            },
        ]
    };
    let turn = SealedTurn {
        attempts: [attempts(1), attempts(2)].concat(),
        ..leader.with_jobs(vec![new_job(1), new_job(2)])
    };
    leader.commit(turn).await;
    leader
}

async fn park(database: &Database, epoch: Epoch, number: u128) -> Result<bool, StoreError> {
    database
        .store
        .park(epoch, id(number), NOW, "it is \"broken\"")
        .await
}

pub(crate) async fn a_parked_job_has_failed_and_others_have_not(database: Database) {
    let mut leader = with_two_jobs(&database).await;
    let before = everything(&*database.store).await;
    assert!(park(&database, leader.epoch, 1).await.expect("parks"));
    let after = everything(&*database.store).await;
    assert_eq!(after.open, before.open[1..], "the other job is as it was");
    let parked = &after.all[1];
    assert_eq!(
        (parked.row.state, parked.row.intent, parked.row.ended_at),
        (JobState::Failed, Intent::Abandon, Some(NOW))
    );
    assert_eq!(parked.row.message.as_deref(), Some("it is \"broken\""));
    let [first, second, third, fourth] = parked.attempts.as_slice() else {
        panic!("four attempts, not {:?}", parked.attempts);
    };
    assert_eq!(
        (first, third),
        (&before.all[1].attempts[0], &before.all[1].attempts[2])
    );
    for lost in [second, fourth] {
        assert_eq!((lost.state, lost.ended_at), (AttemptState::Lost, Some(NOW)));
    }
    assert_eq!(dead(&*database.store).await, numbered([1]));
    leader.commit(leader.next()).await;
}

/// What was undone must not pass for done.
pub(crate) async fn a_parked_rollback_has_failed(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    let undo = new_attempt(1, 3, 1);
    let rolling_back = |number| JobRow {
        state: JobState::RollingBack,
        intent: Intent::RollBack,
        ..new_job(number)
    };
    let turn = SealedTurn {
        attempts: vec![full_attempt(1, 0, 1), undo],
        ..leader.with_jobs(vec![rolling_back(1), rolling_back(2)])
    };
    leader.commit(turn).await;
    for number in [1, 2] {
        assert!(park(&database, leader.epoch, number).await.expect("parks"));
    }
    for parked in &everything(&*database.store).await.all {
        assert_eq!(
            (parked.row.state, parked.row.intent, parked.row.ended_at),
            (JobState::RollbackFailed, Intent::Abandon, Some(NOW))
        );
    }
    assert_eq!(dead(&*database.store).await, numbered([2, 1]));
}

/// The clock of who parks may be behind.
pub(crate) async fn nothing_that_is_parked_ends_before_it_began(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    let later = |milliseconds| Timestamp(NOW.0 + milliseconds);
    let assigned = AttemptRow {
        assigned_at: later(10),
        ..new_attempt(1, 0, 1)
    };
    let running = AttemptRow {
        state: AttemptState::Running,
        started_at: Some(later(20)),
        ..new_attempt(1, 1, 1)
    };
    let job = JobRow {
        state: JobState::Running,
        started_at: Some(later(5)),
        ..new_job(1)
    };
    let turn = SealedTurn {
        attempts: vec![assigned, running],
        ..leader.with_jobs(vec![job])
    };
    leader.commit(turn).await;
    assert!(park(&database, leader.epoch, 1).await.expect("parks"));
    let parked = &everything(&*database.store).await.all[0];
    assert_eq!(parked.row.ended_at, Some(later(5)));
    let ends: Vec<_> = parked.attempts.iter().map(|row| row.ended_at).collect();
    assert_eq!(ends, [Some(later(10)), Some(later(20))]);
}

pub(crate) async fn only_open_jobs_are_parked(database: Database) {
    let mut leader = with_two_jobs(&database).await;
    leader
        .commit(leader.with_jobs(vec![job_update(1, JobState::Queued, JobState::Succeeded)]))
        .await;
    let before = everything(&*database.store).await;
    for number in [1, 9] {
        assert!(!park(&database, leader.epoch, number).await.expect("asks"));
    }
    assert_eq!(everything(&*database.store).await, before);
}

pub(crate) async fn only_the_leader_parks(database: Database) {
    let leader = with_two_jobs(&database).await;
    let epoch = leader.epoch.0;
    let before = everything(&*database.store).await;
    for other in [epoch - 1, epoch + 1] {
        let refused = park(&database, Epoch(other), 1).await;
        assert!(
            matches!(refused, Err(StoreError::Fenced { expected, current }) if (expected, current) == (other, epoch)),
            "{refused:?}"
        );
    }
    assert_eq!(everything(&*database.store).await, before);
}

/// Puts nonsense where the condition holds.
pub(crate) async fn corrupt(database: &Database, column: &str, condition: &str) {
    if database.url.starts_with("sqlite") {
        let sql = format!("PRAGMA ignore_check_constraints = 1; UPDATE {column} = 'nonsense'");
        database.execute(&format!("{sql} WHERE {condition}")).await;
    } else {
        for drop in [
            "ALTER TABLE attempts DROP CONSTRAINT attempts_state_check",
            "ALTER TABLE jobs DROP CONSTRAINT jobs_state_check",
        ] {
            database.execute(drop).await;
        }
        let sql = format!("UPDATE {column} = 'nonsense' WHERE {condition}");
        database.execute(&sql).await;
    }
}

/// Condition for one row of job 1.
fn row(database: &Database, column: &str) -> String {
    let id = id(1).0.simple().to_string();
    let id = if database.url.starts_with("sqlite") {
        format!("x'{id}'")
    } else {
        format!("'{id}'")
    };
    if column.starts_with("jobs") {
        format!("id = {id}")
    } else {
        format!("job_id = {id} AND task = 2")
    }
}

/// What makes no sense keeps everybody from loading, says whose it is, and no longer does once that job is parked.
async fn a_broken_row_is_parked(database: Database, column: &str, attempts: &[AttemptState]) {
    let leader = with_two_jobs(&database).await;
    corrupt(&database, column, &row(&database, column)).await;
    let refused = database.store.load(leader.epoch).await;
    let Err(StoreError::Corrupt { job, .. }) = refused else {
        panic!("the load is refused, not {refused:?}");
    };
    assert_eq!(job, Some(id(1)));
    assert!(park(&database, leader.epoch, 1).await.expect("parks"));
    let loaded = database.store.load(leader.epoch).await.expect("loads");
    let ids: Vec<_> = loaded.jobs.iter().map(|job| job.row.id).collect();
    assert_eq!(ids, [id(2)]);
    assert_eq!(dead(&*database.store).await, numbered([1]));
    assert_eq!(states_of_attempts(&*database.store, 1).await, attempts);
}

pub(crate) async fn a_job_with_a_broken_attempt_is_parked(database: Database) {
    use AttemptState::{Failed, Lost, Succeeded};
    let expected = [Failed, Lost, Succeeded, Lost];
    a_broken_row_is_parked(database, "attempts SET state", &expected).await;
}

pub(crate) async fn a_job_with_a_broken_state_is_parked(database: Database) {
    use AttemptState::{Failed, Lost, Succeeded};
    let expected = [Failed, Lost, Succeeded, Lost];
    a_broken_row_is_parked(database, "jobs SET state", &expected).await;
}

/// Nothing may be written to the attempts: the job ends all the same.
pub(crate) async fn a_job_whose_attempts_cannot_be_written_is_parked(database: Database) {
    let leader = with_two_jobs(&database).await;
    let rules: &[&str] = if database.url.starts_with("sqlite") {
        &[
            "CREATE TRIGGER planted BEFORE UPDATE ON attempts BEGIN SELECT RAISE(ABORT, 'planted'); END",
        ]
    } else {
        &["ALTER TABLE attempts ADD CONSTRAINT planted CHECK (state <> 'lost') NOT VALID"]
    };
    for rule in rules {
        database.execute(rule).await;
    }
    assert!(park(&database, leader.epoch, 1).await.expect("parks"));
    let after = everything(&*database.store).await;
    assert_eq!(after.open.len(), 1);
    assert_eq!(dead(&*database.store).await, numbered([1]));
    let second = as_stored(&new_job(2), &after.all[0].attempts);
    assert_eq!(after.all[0], second);
    assert_eq!(after.all[1].attempts[1].state, AttemptState::Assigned);
}
