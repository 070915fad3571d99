//! How fast nodes were, from what the store holds of the past.

#[allow(dead_code, reason = "made for the store's tests")]
#[path = "store_conformance/databases.rs"]
mod databases;
mod support;

use std::{sync::Arc, time::Duration};

use databases::Database;
use drover_coordinator::store::{Acquired, Applicant, Store};
use drover_model::{
    AttemptKey, AttemptRow, AttemptState, Epoch, Intent, JobId, JobRow, JobState, NewJobRow, Rate,
    Timestamp,
    turn::{CommitOutcome, SealedTurn},
};
use drover_proto::v1;
use prost::Message as _;
use support::{nodes, start_on, submit, task};
use tonic::Code;
use uuid::Uuid;

const TERM: Duration = Duration::from_secs(60);

/// A second on `fast`, two on `slow`, in turns.
const RUNS: u32 = 100;

/// A job with one task that has succeeded.
fn ended(number: u32) -> (JobRow, AttemptRow) {
    let id = JobId(Uuid::now_v7());
    let spec = submit("again", vec![task("a", &[])]).spec.unwrap();
    let (node, run_ms) = match number % 2 {
        0 => ("fast", 1_000),
        _ => ("slow", 2_000),
    };
    let started_at = Timestamp(1_000_000 + i64::from(number) * 10_000);
    let job = JobRow {
        id,
        from: None,
        state: JobState::Succeeded,
        intent: Intent::Run,
        started_at: Some(started_at),
        ended_at: Some(started_at.plus_ms(run_ms)),
        message: None,
        new: Some(Box::new(NewJobRow {
            namespace: "default".into(),
            name: "again".into(),
            queue: "default".into(),
            priority: 50,
            submitted_at: started_at,
            deadline: None,
            request_id: None,
            traceparent: None,
            task_count: 1,
            stored_spec: spec.encode_to_vec().into(),
            replay_of: None,
        })),
    };
    let attempt = AttemptRow {
        key: AttemptKey {
            job: id,
            task: 0,
            attempt: 1,
        },
        from: None,
        state: AttemptState::Succeeded,
        node: node.into(),
        assigned_at: started_at,
        started_at: Some(started_at),
        ended_at: Some(started_at.plus_ms(run_ms)),
        exit_code: Some(0),
        message: None,
        retry_at: None,
        decision: None,
        rate: Rate::default(),
    };
    (job, attempt)
}

/// In the name of a leader who has gone.
async fn write_history(store: &Arc<dyn Store>) {
    let applicant = Applicant {
        address: "http://before:1".into(),
        instance: Uuid::now_v7(),
        succeeds: false,
    };
    let acquired = store.acquire(&applicant, TERM).await.unwrap();
    let Acquired::Leader { epoch } = acquired else {
        panic!("a new database has no leader, but: {acquired:?}");
    };
    let (jobs, attempts) = (0..RUNS).map(ended).unzip();
    commit(store, epoch, jobs, attempts).await;
    store.resign(epoch).await.unwrap();
}

async fn commit(
    store: &Arc<dyn Store>,
    epoch: Epoch,
    jobs: Vec<JobRow>,
    attempts: Vec<AttemptRow>,
) {
    let turn = SealedTurn {
        epoch,
        turn: store.lease().await.unwrap().turn.next(),
        model_time: Timestamp(1),
        jobs,
        attempts,
        nodes: Vec::new(),
        queues: Vec::new(),
        policy_events: Vec::new(),
        estimates: Vec::new(),
    };
    assert_eq!(store.commit(&turn, TERM).await, CommitOutcome::Done);
}

async fn nodes_that_differ_are_told_apart(database: Database) {
    write_history(&database.store).await;
    let handle = start_on(&database.url).await;
    let mut nodes = nodes(&handle).await;
    let all = v1::EvaluateSpeedsRequest { attempts: 0 };
    let told = nodes.evaluate_speeds(all).await.unwrap().into_inner();
    assert_eq!((told.trained_on, told.held_out), (80, 20));
    let [fast, slow] = told.nodes.as_slice() else {
        panic!("two nodes, not {:?}", told.nodes);
    };
    assert_eq!((&*fast.node, &*slow.node), ("fast", "slow"));
    assert_eq!((fast.attempts, slow.attempts), (40, 40));
    assert!(fast.speed > slow.speed * 1.5, "{told:?}");
    assert!(told.error_with < told.error_without, "{told:?}");

    let some = v1::EvaluateSpeedsRequest { attempts: 10 };
    let told = nodes.evaluate_speeds(some).await.unwrap().into_inner();
    assert_eq!(told.trained_on, 8, "the rest is held out");
    let too_many = v1::EvaluateSpeedsRequest { attempts: 10_001 };
    let refused = nodes.evaluate_speeds(too_many).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn sqlite() {
    databases::on_sqlite(nodes_that_differ_are_told_apart).await;
}

#[tokio::test]
async fn postgres() {
    databases::on_postgres(nodes_that_differ_are_told_apart).await;
}
