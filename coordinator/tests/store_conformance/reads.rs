use std::sync::Arc;

use bytes::Bytes;
use drover_coordinator::store::{FoundRequest, JobQuery, LogRow, Store};
use drover_model::{
    AttemptRow, AttemptState, JobId, JobRow, JobState, Timestamp, turn::SealedTurn,
};

use crate::{
    databases::Database,
    fixtures::{
        Leader, TERM, as_stored, full_attempt, id, job_update, new_attempt, new_job, node, numbered,
    },
};

pub(crate) async fn load_gives_what_is_open_in_order(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    let jobs: Vec<JobRow> = (0..20).rev().map(new_job).collect();
    let mut attempts = Vec::new();
    for number in (0..20).filter(|number| number % 3 != 1) {
        for task in [11, 2, 0] {
            attempts.extend([new_attempt(number, task, 2), full_attempt(number, task, 1)]);
        }
    }
    leader
        .commit(SealedTurn {
            attempts: attempts.clone(),
            nodes: vec![node("b"), node("a")],
            ..leader.with_jobs(jobs.clone())
        })
        .await;
    let ends = (0..20)
        .step_by(2)
        .map(|number| job_update(number, JobState::Queued, JobState::Failed));
    leader.commit(leader.with_jobs(ends.collect())).await;

    let loaded = database.store.load(leader.epoch).await.expect("loads");
    attempts.sort_by_key(|attempt| attempt.key);
    let expected: Vec<_> = (1..20)
        .step_by(2)
        .map(|number| {
            let own: Vec<_> = attempts
                .iter()
                .filter(|attempt| attempt.key.job == id(number))
                .cloned()
                .collect();
            as_stored(&new_job(number), &own)
        })
        .collect();
    assert_eq!(loaded.turn, leader.turn);
    assert_eq!(loaded.nodes, [node("a"), node("b")]);
    assert_eq!(loaded.jobs, expected);
}

pub(crate) async fn an_unknown_job_is_none_with_a_turn(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    leader.commit(leader.next()).await;
    assert_eq!(
        database.store.job(id(1)).await.expect("reads"),
        (leader.turn, None)
    );
}

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
        attempt(3, 1, AttemptState::Assigned),
        attempt(4, 1, AttemptState::Lost),
        attempt(5, 1, AttemptState::Cancelled),
        // Waits for its next attempt: neither.
        full_attempt(1, 6, 1),
    ];
    let mut job = new_job(1);
    job.new.as_mut().expect("has its fixed part").task_count = 7;
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
    assert_eq!(counts, [(0, 0, 0), (3, 1, 2)]);
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

pub(crate) async fn requests_are_found_with_their_turn(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    let mut job = new_job(1);
    job.new.as_mut().expect("has its fixed part").request_id = Some("a \"b\"".into());
    leader.commit(leader.with_jobs(vec![job, new_job(2)])).await;
    let asked = |pairs: &[(&str, &str)]| -> Vec<(Arc<str>, Arc<str>)> {
        pairs
            .iter()
            .map(|&(namespace, request)| (namespace.into(), request.into()))
            .collect()
    };
    let requests = asked(&[
        ("default", "x"),
        ("default", "a \"b\""),
        ("other", "a \"b\""),
    ]);
    let (turn, found) = database
        .store
        .find_requests(&requests)
        .await
        .expect("finds");
    assert_eq!(turn, leader.turn);
    let expected = FoundRequest {
        namespace: "default".into(),
        request_id: "a \"b\"".into(),
        job: id(1),
        stored_spec: Bytes::from_static(b"spec"),
    };
    assert_eq!(found, [expected]);
    for none in [asked(&[("default", "x")]), Vec::new()] {
        assert_eq!(
            database.store.find_requests(&none).await.expect("finds"),
            (leader.turn, Vec::new())
        );
    }
}

pub(crate) async fn logs_are_kept_once_and_read_from_an_offset(database: Database) {
    let chunk = |attempt, offset, data: &'static [u8]| LogRow {
        key: new_attempt(1, 0, attempt).key,
        offset,
        stream: 2,
        length: 100,
        data: Bytes::from_static(data),
        end: offset == 200,
    };
    let store = &database.store;
    let (first, second, last) = (
        chunk(1, 0, b"\0\xffa"),
        chunk(1, 100, b"b"),
        chunk(1, 200, b""),
    );
    store.append_logs(&[]).await.expect("appends nothing");
    store
        .append_logs(&[second.clone(), first.clone(), chunk(2, 0, b"z")])
        .await
        .expect("appends");
    store
        .append_logs(&[chunk(1, 100, b"sent twice"), last.clone()])
        .await
        .expect("appends");
    let key = first.key;
    let all = [first, second, last];
    assert_eq!(store.logs(key, 0, 10).await.expect("reads"), all);
    assert_eq!(store.logs(key, 0, 2).await.expect("reads"), all[..2]);
    assert_eq!(store.logs(key, 1, 10).await.expect("reads"), all[1..]);
    assert_eq!(store.logs(key, 201, 10).await.expect("reads"), []);
    assert_eq!(store.log_tail(key, 10).await.expect("reads"), all);
    assert_eq!(store.log_tail(key, 2).await.expect("reads"), all[1..]);
    let silent = new_attempt(1, 1, 1).key;
    assert_eq!(store.log_tail(silent, 2).await.expect("reads"), []);
}

pub(crate) async fn successes_are_counted(database: Database) {
    let leader = Leader::of(&database.store).await;
    let succeeded = |number| AttemptRow {
        state: AttemptState::Succeeded,
        ..new_attempt(number, 0, 1)
    };
    let turn = SealedTurn {
        attempts: vec![succeeded(1), succeeded(2), full_attempt(3, 0, 1)],
        ..leader.next()
    };
    database.store.commit(&turn, TERM).await;
    assert_eq!(database.store.count_succeeded().await.expect("counts"), 2);
}

pub(crate) async fn durability_is_described(database: Database) {
    let facts = database.store.describe().await.expect("describes");
    let fact = |name: &str| {
        facts
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    };
    if database.url.starts_with("sqlite") {
        assert_eq!(
            (fact("journal_mode"), fact("synchronous")),
            (Some("wal"), Some("full"))
        );
    } else {
        assert!(
            fact("fsync").is_some() && fact("synchronous_commit").is_some(),
            "{facts:?}"
        );
    }
}
