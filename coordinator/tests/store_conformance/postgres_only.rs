//! Connections that break, and commits that others wait for.

use std::{sync::Arc, time::Duration};

use drover_coordinator::store::{self, Acquired, JobQuery};
use drover_model::{JobState, turn::CommitOutcome};
use sqlx::{Connection, Executor, PgConnection};

use crate::{
    databases::{Database, on_postgres},
    fixtures::{Leader, TERM, everything, id, job_update, new_attempt, new_job},
    leases::applicant,
    proxy::{Answers, Proxy},
};

/// Longer than anything here takes that does not wait for a lock.
const PATIENCE: Duration = Duration::from_secs(8);

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
        async move { second.acquire(&applicant("second"), TERM).await }
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

/// Like a commit whose last message never comes: the server waits for it without a limit.
async fn stuck(database: Database) {
    const SHORT_TERM: Duration = Duration::from_secs(1);
    Leader::of(&database.store).await;
    database
        .execute("UPDATE lease SET expires_at = 'epoch'")
        .await;
    let mut stuck = database.postgres().await;
    let mut hold = stuck.begin().await.expect("begins");
    hold.execute("SELECT FROM lease FOR UPDATE")
        .await
        .expect("locks");
    let second = database.second_store().await;
    let acquired = tokio::time::timeout(PATIENCE, async {
        loop {
            // The first time, what holds it may still be a commit in flight.
            if let Ok(acquired) = second.acquire(&applicant("second"), SHORT_TERM).await {
                return acquired;
            }
        }
    });
    let acquired = acquired.await.expect("nobody waits for it for ever");
    assert!(matches!(acquired, Acquired::Leader { .. }), "{acquired:?}");
    hold.execute("SELECT")
        .await
        .expect_err("its connection was ended");
}

#[tokio::test]
async fn what_keeps_the_lease_locked_beyond_its_term_is_ended() {
    on_postgres(stuck).await;
}

async fn blocked(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    let mut blocker = database.postgres().await;
    let mut hold = blocker.begin().await.expect("begins");
    hold.execute("SELECT FROM lease FOR UPDATE")
        .await
        .expect("locks");
    let turn = leader.with_jobs(vec![new_job(1)]);
    let outcome = database.store.commit(&turn, Duration::from_secs(2)).await;
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

async fn answer_lost(database: Database) {
    let proxy = Proxy::before(&database.url).await;
    let mut leader = Leader::of(&store::open(&proxy.url).await.expect("opens")).await;
    leader.commit(leader.with_jobs(vec![new_job(1)])).await;
    // The writer's connection stands: its next answer, that to the commit, is lost with it.
    proxy.set(Answers::Cut);
    let turn = leader.with_jobs(vec![new_job(2)]);
    let outcome = leader.store.commit(&turn, TERM).await;
    assert_eq!(outcome, CommitOutcome::Unknown);
    proxy.set(Answers::Pass);
    let lease = leader.store.lease().await.expect("reads");
    assert_eq!((lease.epoch, lease.turn), (leader.epoch, turn.turn));
    leader.turn = lease.turn;
    leader.commit(leader.next()).await;
    assert_eq!(everything(&*leader.store).await.open.len(), 2);
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_shows_in_the_lease() {
    on_postgres(answer_lost).await;
}

async fn restarted(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    leader.commit(leader.with_jobs(vec![new_job(1)])).await;
    everything(&*database.store).await;
    let mut administrator = database.postgres().await;
    administrator
        .execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await
        .expect("terminates all");
    let turn = leader.with_jobs(vec![new_job(2)]);
    let outcome = database.store.commit(&turn, TERM).await;
    assert_eq!(outcome, CommitOutcome::Unknown);
    let lease = database.store.lease().await.expect("reads at once");
    assert_eq!(lease.turn, leader.turn, "it did not happen");
    leader.commit(turn).await;
    assert_eq!(everything(&*database.store).await.open.len(), 2);
}

#[tokio::test]
async fn after_a_restart_everything_goes_on_by_itself() {
    on_postgres(restarted).await;
}

async fn readers_hang(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    let mut blocker = database.postgres().await;
    let mut hold = blocker.begin().await.expect("begins");
    hold.execute("LOCK TABLE log_chunks IN ACCESS EXCLUSIVE MODE")
        .await
        .expect("locks");
    let readers: Vec<_> = (0..20)
        .map(|_| {
            let store = Arc::clone(&database.store);
            tokio::spawn(async move { store.logs(new_attempt(1, 0, 1).key, 0, 1).await })
        })
        .collect();
    let mut observer = database.postgres().await;
    tokio::time::timeout(PATIENCE, waiting(&mut observer, 8))
        .await
        .expect("readers use connections of their own");
    let work = async {
        leader.commit(leader.with_jobs(vec![new_job(1)])).await;
        let store = &database.store;
        store.find_requests(&[]).await.expect("finds");
        store.lease().await.expect("reads");
        store.load(leader.epoch).await.expect("loads");
        let acquired = store
            .acquire(&applicant("second"), TERM)
            .await
            .expect("asks");
        assert!(matches!(acquired, Acquired::HeldBy { .. }), "{acquired:?}");
        store.resign(leader.epoch).await.expect("resigns");
    };
    tokio::time::timeout(PATIENCE, work)
        .await
        .expect("nothing waits for the readers");
    hold.rollback().await.expect("lets go");
    for reader in readers {
        reader.await.expect("ends").expect("reads");
    }
}

#[tokio::test]
async fn callers_cannot_exhaust_what_the_coordinator_needs() {
    on_postgres(readers_hang).await;
}

async fn standby(database: Database) {
    let leader = Leader::of(&database.store).await;
    let mut blocker = database.postgres().await;
    let mut hold = blocker.begin().await.expect("begins");
    hold.execute("SELECT FROM lease FOR UPDATE")
        .await
        .expect("locks");
    let second = database.second_store().await;
    let asked = tokio::time::timeout(PATIENCE, second.acquire(&applicant("second"), TERM)).await;
    let acquired = asked.expect("does not wait").expect("asks");
    assert!(
        matches!(&acquired, Acquired::HeldBy { holder, epoch, .. } if holder == "first" && *epoch == leader.epoch),
        "{acquired:?}"
    );
}

#[tokio::test]
async fn a_standby_waits_for_no_commit() {
    on_postgres(standby).await;
}

async fn silent(database: Database) {
    let proxy = Proxy::before(&database.url).await;
    let store = store::open(&proxy.url).await.expect("opens");
    let leader = Leader::of(&store).await;
    let query = JobQuery {
        namespace: "default".into(),
        limit: 1,
        ..JobQuery::default()
    };
    store.jobs(&query).await.expect("lists");
    // More than there are connections: none may be stuck for good.
    let leases = async || {
        let readers = (0..8).map(|_| store.lease());
        futures_util::future::join_all(readers).await
    };
    assert!(leases().await.iter().all(Result::is_ok));
    proxy.set(Answers::Swallow);
    assert!(leases().await.iter().all(Result::is_err));
    let outcome = store
        .commit(&leader.next(), Duration::from_millis(200))
        .await;
    assert_eq!(outcome, CommitOutcome::Unknown);
    proxy.set(Answers::Pass);
    store.lease().await.expect("hears again");
    store.jobs(&query).await.expect("lists again");
}

#[tokio::test]
async fn a_server_that_is_not_heard_is_given_up_and_found_again() {
    on_postgres(silent).await;
}
