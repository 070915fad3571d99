//! Connections that break, and commits that others wait for.

use std::time::Duration;

use drover_coordinator::store::Acquired;
use drover_model::{JobState, turn::CommitOutcome};
use sqlx::{Connection, Executor, PgConnection};

use crate::{
    databases::{Database, on_postgres},
    fixtures::{Leader, TERM, id, job_update, new_job},
};

/// Process numbers of those who wait for a lock in this database, once there are so many.
async fn waiting(observer: &mut PgConnection, count: usize) -> Vec<i32> {
    loop {
        let waiting: Vec<i32> = sqlx::query_scalar(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .fetch_all(&mut *observer)
        .await
        .expect("observes");
        if waiting.len() >= count {
            return waiting;
        }
        tokio::task::yield_now().await;
    }
}

async fn lost_connection(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    leader.commit(leader.next()).await;
    let mut blocker = database.postgres().await;
    let mut hold = blocker.begin().await.expect("begins");
    hold.execute("SELECT FROM lease FOR UPDATE")
        .await
        .expect("locks");
    let turn = leader.with_jobs(vec![new_job(1)]);
    let commit = tokio::spawn({
        let (store, turn) = (database.store.clone(), turn.clone());
        async move { store.commit(&turn, TERM).await }
    });
    let mut observer = database.postgres().await;
    let waiting = waiting(&mut observer, 1).await;
    sqlx::query("SELECT pg_terminate_backend($1)")
        .bind(waiting[0])
        .execute(&mut observer)
        .await
        .expect("terminates");
    assert_eq!(commit.await.expect("ends"), CommitOutcome::Unknown);
    hold.rollback().await.expect("rolls back");
    assert_eq!(
        database.store.lease().await.expect("reads").turn,
        leader.turn,
        "it did not happen"
    );
    leader.commit(turn).await;
}

#[tokio::test]
async fn a_commit_that_loses_its_connection_is_unknown_and_can_be_sent_again() {
    on_postgres(lost_connection).await;
}

async fn commit_in_flight(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    leader.commit(leader.with_jobs(vec![new_job(1)])).await;
    // The term is over: who does not wait for the commit takes the lease away.
    database
        .execute("UPDATE lease SET expires_at = 'epoch'")
        .await;

    let mut blocker = database.postgres().await;
    let mut hold = blocker.begin().await.expect("begins");
    sqlx::query("SELECT FROM jobs WHERE id = $1 FOR UPDATE")
        .bind(id(1).0)
        .execute(&mut *hold)
        .await
        .expect("locks");
    let turn = leader.with_jobs(vec![job_update(1, JobState::Queued, JobState::Running)]);
    let expected = turn.turn;
    let mut observer = database.postgres().await;
    let commit = tokio::spawn({
        let store = database.store.clone();
        async move { store.commit(&turn, TERM).await }
    });
    waiting(&mut observer, 1).await;
    let second = database.second_store().await;
    let acquire = tokio::spawn({
        let second = second.clone();
        async move { second.acquire("second", TERM).await }
    });
    let reader = tokio::spawn(async move { second.lease().await });
    waiting(&mut observer, 3).await;
    hold.rollback().await.expect("lets go");
    assert_eq!(commit.await.expect("ends"), CommitOutcome::Done);
    let acquired = acquire.await.expect("ends").expect("asks");
    assert!(matches!(acquired, Acquired::HeldBy { .. }), "{acquired:?}");
    assert_eq!(reader.await.expect("ends").expect("reads").turn, expected);
}

#[tokio::test]
async fn who_wants_the_lease_waits_for_a_commit_in_flight() {
    on_postgres(commit_in_flight).await;
}

async fn blocked(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    let mut blocker = database.postgres().await;
    let mut hold = blocker.begin().await.expect("begins");
    hold.execute("SELECT FROM lease FOR UPDATE")
        .await
        .expect("locks");
    let turn = leader.with_jobs(vec![new_job(1)]);
    let outcome = database
        .store
        .commit(&turn, Duration::from_millis(200))
        .await;
    assert_eq!(outcome, CommitOutcome::Unknown);
    hold.rollback().await.expect("lets go");
    assert_eq!(
        database.store.lease().await.expect("reads").turn,
        leader.turn,
        "it did not happen"
    );
    leader.commit(turn).await;
}

#[tokio::test]
async fn a_commit_gives_up_before_its_lease_ends() {
    on_postgres(blocked).await;
}
