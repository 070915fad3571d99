//! The agent protocol as the coordinator speaks it.

mod support;

use bytes::Bytes;
use drover_proto::v1;
use support::{FakeAgent, channel, jobs, join, start, submit, task};
use tempfile::tempdir;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use v1::{
    agent_service_client::AgentServiceClient, coordinator_message::Message,
    node_service_client::NodeServiceClient, policy_service_client::PolicyServiceClient,
};

#[tokio::test]
async fn agents_are_welcomed_and_heartbeats_acknowledged() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let mut agent = FakeAgent::join(&handle, join("n1", 4_000)).await.unwrap();
    assert_eq!(agent.welcome.node_timeout_ms, 10_000);
    assert_eq!(agent.welcome.lease_ms, 5_000);
    assert_eq!(agent.welcome.fence_grace_ms, 2_500);
    assert!(agent.welcome.epoch > 0);
    let Message::HeartbeatAck(ack) = agent.heartbeat().await else {
        panic!("an acknowledgement");
    };
    assert_eq!(ack.number, 7);
    let mut nodes = NodeServiceClient::new(channel(&handle).await);
    let list = nodes
        .list(v1::ListNodesRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(list.nodes[0].name, "n1");
    assert_eq!(list.nodes[0].state(), v1::NodeState::Ready);
    let unknown = v1::GetNodeRequest {
        name: "n2".to_owned(),
    };
    assert_eq!(nodes.get(unknown).await.unwrap_err().code(), Code::NotFound);
    let mut policies = PolicyServiceClient::new(channel(&handle).await);
    let list = policies
        .list(v1::ListPoliciesRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!((&*list.active, &*list.dispatch_mode), ("edf", "easy"));
    assert!(list.policies.iter().any(|policy| policy.name == "fifo"));
}

#[tokio::test]
async fn sessions_that_break_the_protocol_are_refused() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let refused = |join| async {
        FakeAgent::join(&handle, join)
            .await
            .err()
            .expect("a refusal")
            .code()
    };
    let newer = v1::Join {
        protocol_version: 99,
        ..join("n1", 1)
    };
    assert_eq!(refused(newer).await, Code::FailedPrecondition);
    assert_eq!(refused(join("", 1)).await, Code::InvalidArgument);
    let (outgoing, messages) = mpsc::channel(1);
    let hello = v1::agent_message::Message::Heartbeat(v1::Heartbeat::default());
    let message = v1::AgentMessage {
        message: Some(hello),
    };
    outgoing.send(message).await.unwrap();
    let mut client = AgentServiceClient::new(channel(&handle).await);
    let status = client
        .session(ReceiverStream::new(messages))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn output_is_stored_acknowledged_and_read_back() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let mut client = jobs(&handle).await;
    let mut agent = FakeAgent::join(&handle, join("n1", 1_000)).await.unwrap();
    let request = submit("talks", vec![task("a", &[])]);
    let id = client.submit(request).await.unwrap().into_inner().job_id;
    let assign = agent.assignment().await;
    let follow = v1::GetLogsRequest {
        job_id: id.clone(),
        follow: true,
        ..Default::default()
    };
    let mut lines = client.get_logs(follow).await.unwrap().into_inner();
    let (chunks, messages) = mpsc::channel(4);
    let mut logs = AgentServiceClient::new(channel(&handle).await);
    let chunk = |sequence: u64, offset: u64, text: &str, end| v1::LogChunk {
        key: assign.key.clone(),
        stream: v1::LogStream::Stdout.into(),
        offset,
        data: Bytes::from(zstd::bulk::compress(text.as_bytes(), 1).unwrap()),
        end,
        sequence,
    };
    chunks.send(chunk(1, 0, "hello ", false)).await.unwrap();
    // Four bytes are missing in between.
    chunks.send(chunk(2, 10, "world", true)).await.unwrap();
    let mut acks = logs
        .logs(ReceiverStream::new(messages))
        .await
        .unwrap()
        .into_inner();
    while acks.message().await.unwrap().unwrap().sequence < 2 {}
    agent.finished(&assign, v1::Outcome::Succeeded).await;
    let mut text = Vec::new();
    let mut dropped = 0;
    let mut end = false;
    while let Some(line) = lines.message().await.unwrap() {
        assert_eq!((&*line.task, line.attempt), ("a", 1));
        text.extend_from_slice(&line.data);
        dropped += line.dropped_bytes;
        end |= line.end;
    }
    assert_eq!((&*text, dropped, end), (&b"hello world"[..], 4, true));
    let wrong = v1::GetLogsRequest {
        job_id: id.clone(),
        task: "zzz".to_owned(),
        ..Default::default()
    };
    let status = client.get_logs(wrong).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert!(status.message().ends_with("its tasks are a"), "{status}");
    let wrong = v1::GetLogsRequest {
        job_id: id,
        attempt: 9,
        ..Default::default()
    };
    let status = client.get_logs(wrong).await.unwrap_err();
    assert!(status.message().contains("the last is 1"), "{status}");
}
