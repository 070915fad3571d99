//! What any gRPC client finds: health, reflection, and errors by the book.

use std::collections::BTreeSet;

use drover_proto::v1::{WatchJobRequest, job_service_client::JobServiceClient};
use drover_tests::{Settings, until, within_limit};
use tokio_stream::StreamExt as _;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

const SERVICES: [&str; 7] = [
    "drover.v1.AgentService",
    "drover.v1.ClusterService",
    "drover.v1.DeadLetterService",
    "drover.v1.JobService",
    "drover.v1.NodeService",
    "drover.v1.PolicyService",
    "drover.v1.QueueService",
];

#[tokio::test]
async fn health_and_reflection() {
    let cluster = Settings::agents(0).on_sqlite().await;
    let channel = cluster.channel().await;
    for service in SERVICES.iter().chain(&[""]) {
        let status = cluster.address().health(service).await;
        assert_eq!(status, Some(ServingStatus::Serving), "{service:?}");
    }
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers = ServerReflectionClient::new(channel)
        .server_reflection_info(tokio_stream::once(request))
        .await
        .expect("reflection")
        .into_inner();
    let answer = answers.next().await.expect("an answer").expect("no error");
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("{answer:?}");
    };
    let names: BTreeSet<&str> = list
        .service
        .iter()
        .map(|service| service.name.as_str())
        .collect();
    for service in SERVICES.iter().chain(&["grpc.health.v1.Health"]) {
        assert!(names.contains(service), "{service} is not in {names:?}");
    }
}

/// Balancers and probes must not send anybody to a coordinator that does not lead.
#[tokio::test]
async fn a_standby_says_that_it_does_not_serve_until_it_leads() {
    let Some(mut cluster) = Settings::agents(0).on_postgres().await else {
        return;
    };
    let id = cluster
        .submit("name: j\ntasks:\n  a: {command: [\"true\"]}\n")
        .await;
    let (mut standby, address) = cluster.start_standby();
    let mut first = None;
    until("the standby to answer", async || {
        first = address.health("").await;
        first.map(drop)
    })
    .await;
    assert_eq!(
        first,
        Some(ServingStatus::NotServing),
        "from its first answer on"
    );
    standby.said("standing by").await;
    for service in SERVICES.iter().chain(&[""]) {
        let status = address.health(service).await;
        assert_eq!(status, Some(ServingStatus::NotServing), "{service:?}");
    }
    // It hears of no changes, so it must not pretend to tell them.
    let mut jobs = JobServiceClient::connect(address.url())
        .await
        .expect("it listens");
    let request = WatchJobRequest { job_id: id.clone() };
    let refused = jobs.watch(request).await.expect_err("it does not lead");
    assert_eq!(refused.code(), tonic::Code::Unavailable, "{refused:?}");
    cluster.coordinator().kill().await;
    address.serves(&mut standby).await;
    let mut list =
        tokio::process::Command::from(cluster.client(["job", "list", "--address", &address.url()]));
    let listed = within_limit("the list", list.output())
        .await
        .expect("it starts");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains(&id), "{listed}");
}
