use std::sync::Arc;

use drover_coordinator::store::{JobQuery, Store};
use drover_model::{AttemptRow, AttemptState, JobId, JobState, Timestamp, turn::SealedTurn};

use crate::{
    databases::Database,
    fixtures::{Leader, full_attempt, new_job, numbered},
};

async fn listed(store: &dyn Store, query: &JobQuery) -> Vec<JobId> {
    let page = store.jobs(query).await.expect("lists");
    page.iter().map(|summary| summary.row.id).collect()
}

fn everything_in_default() -> JobQuery {
    JobQuery {
        namespace: "default".into(),
        limit: 4,
        ..JobQuery::default()
    }
}

pub(crate) async fn pages_go_from_new_to_old(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    leader
        .commit(leader.with_jobs((1..=10).map(new_job).collect()))
        .await;
    let mut query = everything_in_default();
    for expected in [vec![10, 9, 8, 7], vec![6, 5, 4, 3], vec![2, 1], vec![]] {
        let page = listed(&*database.store, &query).await;
        assert_eq!(page, numbered(expected));
        query.before = page.last().copied();
    }
}

pub(crate) async fn pages_can_be_filtered(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    let states = [
        JobState::Queued,
        JobState::Running,
        JobState::Succeeded,
        JobState::Failed,
    ];
    let jobs = (0..16).map(|number: u128| {
        let mut job = new_job(number);
        job.state = states[usize::try_from(number % 4).expect("small")];
        job.ended_at = job.state.is_final().then_some(Timestamp(300));
        let new = job.new.as_mut().expect("has its fixed part");
        new.queue = if number < 8 {
            "old".into()
        } else {
            "main".into()
        };
        new.namespace = if number == 15 {
            "other".into()
        } else {
            "default".into()
        };
        job
    });
    leader.commit(leader.with_jobs(jobs.collect())).await;
    let any = everything_in_default();
    let cases = [
        (vec![], None, vec![14, 13, 12, 11]),
        (vec![JobState::Failed], None, vec![11, 7, 3]),
        (
            vec![JobState::Running, JobState::Queued],
            None,
            vec![13, 12, 9, 8],
        ),
        (
            vec![JobState::Running, JobState::Failed],
            Some("old"),
            vec![7, 5, 3, 1],
        ),
        (vec![JobState::Queued], Some("main"), vec![12, 8]),
        (vec![JobState::TimedOut], None, vec![]),
    ];
    for (states, queue, expected) in cases {
        let query = JobQuery {
            states,
            queue: queue.map(Arc::from),
            ..any.clone()
        };
        assert_eq!(
            listed(&*database.store, &query).await,
            numbered(expected),
            "{query:?}"
        );
    }
    let other = JobQuery {
        namespace: "other".into(),
        ..any
    };
    assert_eq!(listed(&*database.store, &other).await, numbered([15]));
}

pub(crate) async fn a_page_counts_last_attempts(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    let attempt = |task, number, state| AttemptRow {
        state,
        retry_at: None,
        ..full_attempt(1, task, number)
    };
    let attempts = vec![
        full_attempt(1, 0, 1),
        attempt(0, 2, AttemptState::Succeeded),
        full_attempt(1, 1, 1),
        attempt(1, 2, AttemptState::Running),
        attempt(2, 1, AttemptState::StoppingTimeout),
        attempt(7, 1, AttemptState::StoppingRequeue),
        attempt(3, 1, AttemptState::Assigned),
        attempt(4, 1, AttemptState::Lost),
        attempt(5, 1, AttemptState::Cancelled),
        // Waits for its next attempt: neither.
        full_attempt(1, 6, 1),
    ];
    let mut job = new_job(1);
    job.new.as_mut().expect("has its fixed part").task_count = 8;
    leader
        .commit(SealedTurn {
            attempts,
            ..leader.with_jobs(vec![job.clone(), new_job(2)])
        })
        .await;
    let page = database
        .store
        .jobs(&everything_in_default())
        .await
        .expect("lists");
    let counts: Vec<_> = page
        .iter()
        .map(|job| (job.active, job.succeeded, job.unsuccessful))
        .collect();
    assert_eq!(counts, [(0, 0, 0), (4, 1, 2)]);
    assert_eq!(page[1].fixed, *job.new.expect("has its fixed part"));
}

/// A job of three tasks, of which 0 is undone, 1 is being undone, and 2 could not be.
pub(crate) async fn what_is_undone_has_not_succeeded(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    let attempt = |task, state| AttemptRow {
        state,
        retry_at: None,
        ..full_attempt(1, task, 1)
    };
    let attempts = vec![
        attempt(0, AttemptState::Succeeded),
        attempt(1, AttemptState::Succeeded),
        attempt(2, AttemptState::Succeeded),
        attempt(3, AttemptState::Succeeded),
        attempt(4, AttemptState::Running),
        attempt(5, AttemptState::Failed),
    ];
    leader
        .commit(SealedTurn {
            attempts,
            ..leader.with_jobs(vec![new_job(1)])
        })
        .await;
    let page = database.store.jobs(&everything_in_default()).await;
    let page = page.expect("lists");
    let counts = (page[0].active, page[0].succeeded, page[0].unsuccessful);
    assert_eq!(counts, (1, 0, 2));
}
