//! Cordons and drains.

use drover_proto::{time, v1};

use crate::{
    cordon,
    databases::Database,
    node,
    support::{FakeAgent, ended, get, jobs, join, nodes, start_on, submit, submit_job, task},
    uncordon,
};

pub(crate) async fn a_cordoned_node_gets_nothing_until_it_is_uncordoned(database: Database) {
    let handle = start_on(&database.url).await;
    let agent = FakeAgent::join(&handle, join("n1", 4_000)).await.unwrap();
    let answer = cordon(&handle, "n1").await;
    assert_eq!(answer.state(), v1::NodeState::Cordoned);
    assert!(answer.cordoned && answer.drain_deadline.is_none());
    drop(agent);
    handle.shutdown().await.unwrap();

    let again = start_on(&database.url).await;
    let away = node(&again, "n1").await;
    assert_eq!(away.state(), v1::NodeState::Disconnected);
    assert!(away.cordoned);
    let mut agent = FakeAgent::join(&again, join("n1", 4_000)).await.unwrap();
    assert_eq!(node(&again, "n1").await.state(), v1::NodeState::Cordoned);
    let mut client = jobs(&again).await;
    let id = submit_job(&mut client, submit("waits", vec![task("a", &[])])).await;
    let waiting = get(&mut client, &id).await;
    assert_eq!(waiting.tasks[0].state(), v1::TaskState::Queued);
    assert_ne!(waiting.tasks[0].pending_reason, "");
    let answer = uncordon(&again, "n1").await;
    assert_eq!(answer.state(), v1::NodeState::Ready);
    assert!(!answer.cordoned);
    agent.assignment().await;
}

/// The job goes on elsewhere, at no cost to its retries.
pub(crate) async fn a_drain_ends_on_time_although_the_coordinator_was_restarted(
    database: Database,
) {
    let handle = start_on(&database.url).await;
    let mut agent = FakeAgent::join(&handle, join("n1", 4_000)).await.unwrap();
    let mut client = jobs(&handle).await;
    let id = submit_job(&mut client, submit("moves", vec![task("a", &[])])).await;
    let first = agent.assignment().await;
    agent.started(&first).await;
    let request = |after_ms| v1::DrainNodeRequest {
        name: "n1".to_owned(),
        deadline_after: Some(time::duration(after_ms)),
    };
    let drained = nodes(&handle).await.drain(request(1_500)).await.unwrap();
    let drained = drained.into_inner();
    assert_eq!(drained.state(), v1::NodeState::Draining);
    assert!(drained.cordoned && drained.drain_deadline.is_some());
    drop(agent);
    handle.shutdown().await.unwrap();

    let again = start_on(&database.url).await;
    let holds_it = v1::Join {
        running: vec![first.key.clone().unwrap()],
        ..join("n1", 4_000)
    };
    let mut agent = FakeAgent::join(&again, holds_it).await.unwrap();
    let mut other = FakeAgent::join(&again, join("n2", 4_000)).await.unwrap();
    assert_eq!(
        node(&again, "n1").await.drain_deadline,
        drained.drain_deadline
    );
    assert_eq!(agent.stop().await.keys, [first.key.clone().unwrap()]);
    let mut client = jobs(&again).await;
    let stopping = get(&mut client, &id).await;
    assert_eq!(stopping.tasks[0].state(), v1::TaskState::Stopping);
    agent.finished(&first, v1::Outcome::Stopped).await;
    let second = other.assignment().await;
    assert_eq!(second.key.as_ref().unwrap().attempt, 2);
    other.finished(&second, v1::Outcome::Succeeded).await;
    let job = ended(&mut client, &id).await;
    assert_eq!(job.state(), v1::JobState::Succeeded);
    let attempts = &job.tasks[0].attempts;
    assert_eq!(attempts[0].state(), v1::AttemptState::Requeued);
    assert_eq!((&*attempts[0].node, &*attempts[1].node), ("n1", "n2"));
    let at_once = nodes(&again).await.drain(request(0)).await.unwrap();
    assert_eq!(at_once.into_inner().active_attempts, 0);
    assert_eq!(
        uncordon(&again, "n1").await.state(),
        v1::NodeState::Ready,
        "a drain can be ended"
    );
}
