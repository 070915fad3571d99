//! Agents that are asked to end.

mod support;

use drover_coordinator::Handle;
use drover_proto::v1;
use support::{FakeAgent, channel, ended, jobs, join, soon, start, submit, submit_job, task};
use tempfile::tempdir;
use v1::{AttemptState, NodeState, Outcome, node_service_client::NodeServiceClient};

async fn node_is(handle: &Handle, name: &str, state: NodeState) {
    let mut nodes = NodeServiceClient::new(channel(handle).await);
    let reached = async {
        loop {
            let request = v1::GetNodeRequest {
                name: name.to_owned(),
            };
            let node = nodes.get(request).await.unwrap().into_inner();
            if node.state() == state {
                return assert_eq!(node.recent_losses, 0);
            }
        }
    };
    soon("the node's state", reached).await;
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
    node_is(&handle, "n1", NodeState::Leaving).await;
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
    node_is(&handle, "n1", NodeState::Left).await;
}
