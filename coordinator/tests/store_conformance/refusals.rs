//! Content that the database refuses, and would refuse again.

use drover_model::{AttemptRow, NodeRow, Rate, Resources, turn::SealedTurn};

use crate::{
    databases::Database,
    fixtures::{Leader, id, new_attempt, new_job},
    nodes::node,
};

pub(crate) async fn a_second_insert_is_refused(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    leader
        .commit(SealedTurn {
            attempts: vec![new_attempt(1, 0, 1)],
            ..leader.with_jobs(vec![new_job(1)])
        })
        .await;
    leader
        .expect_refusal(leader.with_jobs(vec![new_job(2), new_job(1)]))
        .await;
    let second_attempt = SealedTurn {
        attempts: vec![new_attempt(1, 0, 2), new_attempt(1, 0, 1)],
        ..leader.next()
    };
    leader.expect_refusal(second_attempt).await;
}

pub(crate) async fn a_request_id_is_unique_in_its_namespace(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    let with_request = |number, namespace: &str| {
        let mut job = new_job(number);
        let new = job.new.as_mut().expect("has its fixed part");
        new.request_id = Some("once".into());
        new.namespace = namespace.into();
        job
    };
    let first = leader.with_jobs(vec![
        with_request(1, "default"),
        with_request(2, "other"),
        new_job(3),
        new_job(4),
    ]);
    leader.commit(first).await;
    leader
        .expect_refusal(leader.with_jobs(vec![with_request(5, "default")]))
        .await;
}

pub(crate) async fn a_value_out_of_range_is_refused(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    let turn = SealedTurn {
        nodes: vec![NodeRow {
            capacity: Resources {
                memory_bytes: u64::MAX,
                ..Resources::ZERO
            },
            ..node("n1")
        }],
        ..leader.with_jobs(vec![new_job(1)])
    };
    leader.expect_refusal(turn).await;
    let dear = Rate {
        cost_per_hour_micros: u64::MAX,
        power_milliwatts: 0,
    };
    let hungry = Rate {
        cost_per_hour_micros: 0,
        power_milliwatts: u64::MAX,
    };
    for rate in [dear, hungry] {
        let attempt = AttemptRow {
            rate,
            ..new_attempt(1, 0, 1)
        };
        let turn = SealedTurn {
            attempts: vec![attempt],
            ..leader.with_jobs(vec![new_job(1)])
        };
        leader.expect_refusal(turn).await;
    }
    let mut priority = new_job(1);
    priority.new.as_mut().expect("has its fixed part").priority = 101;
    leader
        .expect_refusal(leader.with_jobs(vec![priority]))
        .await;
    assert_eq!(database.store.job(id(1)).await.expect("reads").1, None);
}

/// A poison event: whatever the schema or somebody's trigger has against a row, it is the content that is to blame.
pub(crate) async fn what_a_planted_rule_forbids_is_refused(database: Database) {
    let rule = if database.url.starts_with("sqlite") {
        "CREATE TRIGGER planted BEFORE INSERT ON attempts WHEN new.node = 'poison' \
         BEGIN SELECT RAISE(ABORT, 'planted'); END"
    } else {
        "ALTER TABLE attempts ADD CONSTRAINT planted CHECK (node <> 'poison')"
    };
    database.execute(rule).await;
    let mut leader = Leader::of(&database.store).await;
    let poison = AttemptRow {
        node: "poison".into(),
        ..new_attempt(1, 0, 1)
    };
    let turn = SealedTurn {
        attempts: vec![new_attempt(2, 0, 1), poison],
        ..leader.with_jobs(vec![new_job(1), new_job(2)])
    };
    leader.expect_refusal(turn).await;
}
