use std::sync::Arc;

use bytes::Bytes;
use drover_coordinator::store::{FoundRequest, LogRow};
use drover_model::{AttemptRow, AttemptState, JobRow, JobState, turn::SealedTurn};

use crate::{
    databases::Database,
    fixtures::{Leader, TERM, as_stored, full_attempt, id, job_update, new_attempt, new_job},
    nodes::node,
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

pub(crate) async fn successes_come_from_the_newest_jobs(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    let success = |number, task, attempt| AttemptRow {
        state: AttemptState::Succeeded,
        ..full_attempt(number, task, attempt)
    };
    let attempts = vec![
        success(1, 0, 1),
        full_attempt(2, 0, 1),
        success(2, 0, 2),
        success(2, 1, 1),
        new_attempt(2, 2, 1),
        success(3, 5, 1),
    ];
    leader
        .commit(SealedTurn {
            attempts,
            ..leader.with_jobs((1..=3).map(new_job).collect())
        })
        .await;
    let store = &database.store;
    let newest = store.successes(3).await.expect("reads");
    assert_eq!(
        newest,
        [success(3, 5, 1), success(2, 1, 1), success(2, 0, 2)]
    );
    assert_eq!(store.successes(9).await.expect("reads").len(), 4);
    let mut specs = store
        .stored_specs(&[id(3), id(9), id(1)])
        .await
        .expect("reads");
    specs.sort_unstable();
    let spec = Bytes::from_static(b"spec");
    assert_eq!(specs, [(id(1), spec.clone()), (id(3), spec)]);
}

pub(crate) async fn an_unknown_job_is_none_with_a_turn(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    leader.commit(leader.next()).await;
    assert_eq!(
        database.store.job(id(1)).await.expect("reads"),
        (leader.turn, None)
    );
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
