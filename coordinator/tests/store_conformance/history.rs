//! What was submitted in a span of time.

use std::sync::Arc;

use drover_coordinator::store::{HistoryQuery, Store, StoreError};
use drover_model::{JobId, JobRow, Timestamp};

use crate::{
    databases::Database,
    fixtures::{Leader, full_attempt, id, new_job, numbered},
    parking::corrupt,
};

/// When ids of [`new_job`] say that they were made.
const MADE_MS: i64 = 0x0190_0000_0000;
const HOUR_MS: i64 = 60 * 60 * 1_000;

fn submitted(number: u128, at_ms: i64) -> JobRow {
    let mut job = new_job(number);
    job.new.as_mut().expect("has its fixed part").submitted_at = Timestamp(at_ms);
    job
}

fn span(from_ms: i64, until_ms: i64) -> HistoryQuery {
    HistoryQuery {
        namespace: "default".into(),
        queue: None,
        from: Timestamp(from_ms),
        until: Timestamp(until_ms),
        after: None,
        limit: 100,
    }
}

async fn ids(store: &dyn Store, query: &HistoryQuery) -> Vec<JobId> {
    store.history(query).await.expect("reads")
}

pub(crate) async fn history_is_read_by_span_and_page(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    let mut other_queue = submitted(4, MADE_MS + 3);
    other_queue.new.as_mut().expect("has its fixed part").queue = "other".into();
    let mut other_namespace = submitted(5, MADE_MS + 3);
    let fixed = other_namespace.new.as_mut().expect("has its fixed part");
    fixed.namespace = "elsewhere".into();
    let jobs = vec![
        submitted(1, MADE_MS),
        submitted(2, MADE_MS + 1),
        submitted(3, MADE_MS + 2),
        other_queue,
        other_namespace,
    ];
    leader.commit(leader.with_jobs(jobs)).await;

    let store = &*database.store;
    let all = span(MADE_MS, MADE_MS + 9);
    assert_eq!(ids(store, &all).await, numbered([1, 2, 3, 4]));
    let some = span(MADE_MS + 1, MADE_MS + 3);
    assert_eq!(ids(store, &some).await, numbered([2, 3]));
    let queue = HistoryQuery {
        queue: Some(Arc::from("other")),
        ..all.clone()
    };
    assert_eq!(ids(store, &queue).await, numbered([4]));
    let mut page = HistoryQuery { limit: 3, ..all };
    assert_eq!(ids(store, &page).await, numbered([1, 2, 3]));
    page.after = Some(id(3));
    assert_eq!(ids(store, &page).await, numbered([4]));
}

/// It is refused when it is asked for, and keeps nobody from the others.
pub(crate) async fn history_names_jobs_that_cannot_be_read(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    let mut turn = leader.with_jobs((1..=3).map(new_job).collect());
    turn.attempts = (1..=3).map(|job| full_attempt(job, 0, 1)).collect();
    leader.commit(turn).await;
    let second = id(2).0.simple();
    let second = if database.url.starts_with("sqlite") {
        format!("job_id = x'{second}'")
    } else {
        format!("job_id = '{second}'")
    };
    corrupt(&database, "attempts SET state", &second).await;

    let store = &*database.store;
    let mut page = HistoryQuery {
        limit: 1,
        ..span(0, MADE_MS)
    };
    for expected in [vec![1], vec![2], vec![3], vec![]] {
        let found = ids(store, &page).await;
        assert_eq!(found, numbered(expected));
        page.after = found.first().copied();
    }
    let broken = store.job(id(2)).await;
    assert!(
        matches!(broken, Err(StoreError::Corrupt { job: Some(job), .. }) if job == id(2)),
        "{broken:?}"
    );
    let (_, sound) = store.job(id(3)).await.expect("reads");
    assert_eq!(sound.expect("is there").attempts.len(), 1);
}

/// Ids are looked for around the span: a job waits for its commit, and clocks differ.
pub(crate) async fn history_finds_ids_that_are_a_little_off(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    let jobs = vec![
        submitted(1, MADE_MS - HOUR_MS + 1_000),
        submitted(2, MADE_MS + HOUR_MS - 1_000),
    ];
    leader.commit(leader.with_jobs(jobs)).await;
    for (at_ms, number) in [(-HOUR_MS + 1_000, 1), (HOUR_MS - 1_000, 2)] {
        let span = span(MADE_MS + at_ms, MADE_MS + at_ms + 1);
        assert_eq!(ids(&*database.store, &span).await, numbered([number]));
    }
    let nothing = span(MADE_MS - 9 * HOUR_MS, MADE_MS - 8 * HOUR_MS);
    assert_eq!(ids(&*database.store, &nothing).await, []);
}

/// Whoever follows all jobs as they come sees every namespace.
pub(crate) async fn arrivals_are_read_behind_a_job(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    let mut elsewhere = submitted(2, MADE_MS);
    elsewhere
        .new
        .as_mut()
        .expect("has its fixed part")
        .namespace = "elsewhere".into();
    let jobs = vec![submitted(1, MADE_MS), elsewhere, submitted(3, MADE_MS)];
    leader.commit(leader.with_jobs(jobs.clone())).await;
    let arrivals = async |after: &JobRow, limit| {
        let read = database.store.arrivals(after.id, limit).await;
        read.expect("reads")
    };
    assert_eq!(arrivals(&jobs[0], 5).await, numbered([2, 3]));
    assert_eq!(arrivals(&jobs[0], 1).await, numbered([2]));
    assert_eq!(arrivals(&jobs[2], 5).await, []);
}
