//! What was submitted in a span of time.

use std::sync::Arc;

use drover_coordinator::store::{HistoryQuery, StoredJob};
use drover_model::{AttemptRow, JobId, JobRow, Timestamp};

use crate::{
    databases::Database,
    fixtures::{Leader, as_stored, full_attempt, new_attempt, new_job},
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

fn ids(jobs: &[StoredJob]) -> Vec<JobId> {
    jobs.iter().map(|job| job.row.id).collect()
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
    let attempts: Vec<AttemptRow> = vec![
        full_attempt(2, 0, 1),
        new_attempt(2, 0, 2),
        new_attempt(2, 1, 1),
        full_attempt(4, 0, 1),
    ];
    let mut turn = leader.with_jobs(jobs.clone());
    turn.attempts = attempts.clone();
    leader.commit(turn).await;

    let store = &database.store;
    let all = store.history(&span(MADE_MS, MADE_MS + 9)).await;
    let all = all.expect("reads");
    let expected = [
        as_stored(&jobs[0], &[]),
        as_stored(&jobs[1], &attempts[..3]),
        as_stored(&jobs[2], &[]),
        as_stored(&jobs[3], &attempts[3..]),
    ];
    assert_eq!(all, expected);
    let some = store.history(&span(MADE_MS + 1, MADE_MS + 3)).await;
    assert_eq!(ids(&some.expect("reads")), ids(&expected[1..3]));
    let queue = HistoryQuery {
        queue: Some(Arc::from("other")),
        ..span(MADE_MS, MADE_MS + 9)
    };
    let queue = store.history(&queue).await.expect("reads");
    assert_eq!(ids(&queue), ids(&expected[3..]));
    let mut page = HistoryQuery {
        limit: 3,
        ..span(MADE_MS, MADE_MS + 9)
    };
    let first = store.history(&page).await.expect("reads");
    assert_eq!(ids(&first), ids(&expected[..3]));
    page.after = first.last().map(|job| job.row.id);
    let second = store.history(&page).await.expect("reads");
    assert_eq!(ids(&second), ids(&expected[3..]));
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
        let found = database.store.history(&span).await.expect("reads");
        assert_eq!(ids(&found), [new_job(number).id]);
    }
    let nothing = span(MADE_MS - 9 * HOUR_MS, MADE_MS - 8 * HOUR_MS);
    assert_eq!(database.store.history(&nothing).await.expect("reads"), []);
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
    let mut turn = leader.with_jobs(jobs.clone());
    turn.attempts = vec![full_attempt(2, 0, 1), full_attempt(3, 0, 1)];
    let attempts = turn.attempts.clone();
    leader.commit(turn).await;
    let arrivals = async |after: &JobRow, limit| {
        let read = database.store.arrivals(after.id, limit).await;
        read.expect("reads")
    };
    let expected = [
        as_stored(&jobs[1], &attempts[..1]),
        as_stored(&jobs[2], &attempts[1..]),
    ];
    assert_eq!(arrivals(&jobs[0], 5).await, expected);
    assert_eq!(arrivals(&jobs[0], 1).await, expected[..1]);
    assert_eq!(arrivals(&jobs[2], 5).await, []);
}
