//! Agents that are asked to end.

mod support;

use drover_coordinator::Handle;
use drover_proto::v1;
use support::{FakeAgent, channel, ended, jobs, join, soon, start, submit, submit_job, task};
use tempfile::tempdir;
use v1::{AttemptState, NodeState, Outcome, node_service_client::NodeServiceClient};

async fn node(handle: &Handle, name: &str) -> v1::Node {
    let request = v1::GetNodeRequest {
        name: name.to_owned(),
    };
    let mut nodes = NodeServiceClient::new(channel(handle).await);
    nodes.get(request).await.unwrap().into_inner()
}

#[tokio::test]
async fn what_a_leaving_agent_gives_back_runs_elsewhere_at_no_cost() {
    let directory = tempdir().unwrap();
    let handle = start(directory.path()).await;
    let mut jobs = jobs(&handle).await;
    let mut leaving = FakeAgent::join(&handle, join("n1", 4_000)).await.unwrap();
    let request = submit("moves", vec![task("a", &[]), task("b", &[])]);
    let id = submit_job(&mut jobs, request).await;
    let running = leaving.assignment().await;
    let unstarted = leaving.assignment().await;
    leaving.started(&running).await;
    leaving.leaving().await;
    // Answered in order.
    leaving.heartbeat().await;
    let state = node(&handle, "n1").await.state();
    assert_eq!(state, NodeState::Leaving);
    leaving.finished(&running, Outcome::Stopped).await;
    leaving.finished(&unstarted, Outcome::Refused).await;
    let mut other = FakeAgent::join(&handle, join("n2", 4_000)).await.unwrap();
    for _ in 0..2 {
        let assign = other.assignment().await;
        assert_eq!(assign.key.as_ref().unwrap().attempt, 2);
        other.finished(&assign, Outcome::Succeeded).await;
    }
    let job = ended(&mut jobs, &id).await;
    assert_eq!(job.state(), v1::JobState::Succeeded);
    for task in &job.tasks {
        let states: Vec<AttemptState> = task.attempts.iter().map(v1::Attempt::state).collect();
        assert_eq!(states, [AttemptState::Requeued, AttemptState::Succeeded]);
    }
    drop(leaving);
    let left = async {
        loop {
            let node = node(&handle, "n1").await;
            if node.state() == NodeState::Left {
                return node;
            }
        }
    };
    let left = soon("the end of its session", left).await;
    assert_eq!(left.recent_losses, 0);
}
