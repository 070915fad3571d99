//! Several coordinators on one store: one leads, the others know who, and take over.

mod support;

use std::time::{Duration, Instant};

use drover_coordinator::{Coordinator, Handle};
use drover_proto::v1;
use support::{
    FakeAgent, channel, dead_letters, ended, get, jobs, join, options, queues, refusal, soon,
    start, status, submit, submit_job, task,
};
use tempfile::tempdir;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use v1::{agent_service_client::AgentServiceClient, node_service_client::NodeServiceClient};

fn url(handle: &Handle) -> String {
    format!("http://{}", handle.address())
}

async fn health(handle: &Handle) -> ServingStatus {
    let request = HealthCheckRequest {
        service: "drover.v1.JobService".to_owned(),
    };
    let mut client = HealthClient::new(channel(handle).await);
    client.check(request).await.unwrap().into_inner().status()
}

fn assert_sent_to(leader: &Handle, refused: &Status) {
    assert_eq!(refused.code(), Code::Unavailable, "{refused}");
    assert_eq!(
        refusal(refused),
        ("NOT_LEADER".to_owned(), Some(url(leader)))
    );
}

#[tokio::test]
async fn a_standby_serves_records_and_sends_the_rest_to_the_leader() {
    let dir = tempdir().unwrap();
    let leader = start(dir.path()).await;
    let standby = start(dir.path()).await;
    assert!(leader.leads() && !standby.leads());
    let id = submit_job(
        &mut jobs(&leader).await,
        submit("one", vec![task("a", &[])]),
    )
    .await;
    let mut client = jobs(&standby).await;
    assert_eq!(get(&mut client, &id).await.id, id);
    let page = client.list(v1::ListJobsRequest::default()).await.unwrap();
    assert_eq!(page.into_inner().jobs.len(), 1);
    let mut letters = dead_letters(&standby).await;
    let list = letters.list(v1::ListDeadLettersRequest::default()).await;
    assert!(list.unwrap().into_inner().dead_letters.is_empty());
    let list = queues(&standby)
        .await
        .list(v1::ListQueuesRequest::default())
        .await;
    assert!(list.is_ok());

    let refused = client.submit(submit("two", vec![task("a", &[])])).await;
    assert_sent_to(&leader, &refused.unwrap_err());
    let cancel = v1::CancelJobRequest {
        job_id: id.clone(),
        ..Default::default()
    };
    assert_sent_to(&leader, &client.cancel(cancel).await.unwrap_err());
    let watch = v1::WatchJobRequest { job_id: id.clone() };
    assert_sent_to(&leader, &client.watch(watch).await.unwrap_err());
    let follow = v1::GetLogsRequest {
        job_id: id.clone(),
        follow: true,
        ..Default::default()
    };
    assert_sent_to(&leader, &client.get_logs(follow).await.unwrap_err());
    let replay = v1::ReplayDeadLetterRequest {
        job_id: id,
        ..Default::default()
    };
    assert_sent_to(&leader, &letters.replay(replay).await.unwrap_err());
    let mut nodes = NodeServiceClient::new(channel(&standby).await);
    let refused = nodes.list(v1::ListNodesRequest {}).await.unwrap_err();
    assert_sent_to(&leader, &refused);
    let refused = FakeAgent::join(&standby, join("n1", 1)).await.err();
    assert_sent_to(&leader, &refused.unwrap());
    let (_chunks, messages) = mpsc::channel(1);
    let mut agents = AgentServiceClient::new(channel(&standby).await);
    let refused = agents.logs(ReceiverStream::new(messages)).await.err();
    assert_sent_to(&leader, &refused.unwrap());

    assert_eq!(health(&leader).await, ServingStatus::Serving);
    assert_eq!(health(&standby).await, ServingStatus::NotServing);
    let (leads, stands) = (status(&leader).await, status(&standby).await);
    assert!(leads.leading && !stands.leading);
    assert_eq!((leads.open_jobs, leads.queued_tasks), (1, 1));
    assert_eq!(leads.leader_address, url(&leader));
    assert_eq!(stands.leader_address, url(&leader));
    assert_eq!((stands.epoch, leads.epoch), (leads.epoch, 1));
}

#[tokio::test]
async fn a_leader_that_resigns_hands_over_at_once() {
    let dir = tempdir().unwrap();
    let first = start(dir.path()).await;
    let mut second = start(dir.path()).await;
    let mut client = jobs(&first).await;
    let id = submit_job(&mut client, submit("one", vec![task("a", &[])])).await;
    let watch = v1::WatchJobRequest { job_id: id.clone() };
    let mut watch = client.watch(watch).await.unwrap().into_inner();
    watch.message().await.unwrap().expect("a snapshot");
    let _agent = FakeAgent::join(&first, join("n1", 1_000)).await.unwrap();
    let began = Instant::now();
    let (ended_well, led) = tokio::join!(first.shutdown(), soon("a take-over", second.leading()));
    led.unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    ended_well.unwrap();
    let broken = loop {
        match watch.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the job has not ended"),
            Err(status) => break status,
        }
    };
    assert_eq!(broken.code(), Code::Unavailable);
    assert_eq!(refusal(&broken).0, "NOT_LEADER");
    let mut client = jobs(&second).await;
    let mut agent = FakeAgent::join(&second, join("n1", 1_000)).await.unwrap();
    let assign = agent.assignment().await;
    agent.finished(&assign, v1::Outcome::Succeeded).await;
    let job = ended(&mut client, &id).await;
    assert_eq!(job.state(), v1::JobState::Succeeded);
}

#[tokio::test]
async fn an_advertised_address_is_the_one_that_others_hear() {
    let dir = tempdir().unwrap();
    let mut named = options(dir.path());
    named.advertise = Some("http://one.example:7700/".to_owned());
    let _leader = Coordinator::start(named).await.unwrap();
    let standby = start(dir.path()).await;
    let refused = jobs(&standby)
        .await
        .submit(submit("one", vec![task("a", &[])]))
        .await
        .unwrap_err();
    let leader = Some("http://one.example:7700".to_owned());
    assert_eq!(refusal(&refused), ("NOT_LEADER".to_owned(), leader));
}

/// Somebody else raises the epoch, as a standby does that takes over: nothing of the old leader is written any more, and
/// it finds out by itself.
#[tokio::test]
async fn a_deposed_leader_obeys_nothing_and_stands_by() {
    let dir = tempdir().unwrap();
    let deposed = start(dir.path()).await;
    let mut agent = FakeAgent::join(&deposed, join("n1", 1_000)).await.unwrap();
    let sql = "UPDATE lease SET epoch = epoch + 1, holder = 'http://other:1', \
               expires_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) + 3600000";
    support::execute(dir.path(), sql).await;
    let mut client = jobs(&deposed).await;
    let lost = client.submit(submit("one", vec![task("a", &[])])).await;
    assert_eq!(lost.unwrap_err().code(), Code::Unavailable);
    assert!(agent.is_closed().await);
    let page = client.list(v1::ListJobsRequest::default()).await.unwrap();
    assert!(page.into_inner().jobs.is_empty());
    soon("standing by", async {
        while status(&deposed).await.leader_address != "http://other:1" {}
    })
    .await;
    assert!(!deposed.leads());
    assert_eq!(health(&deposed).await, ServingStatus::NotServing);
}

/// The second may be the first one started again, so it takes the lease; but the first is alive, and does not take it back.
#[tokio::test]
async fn two_with_the_same_address_do_not_take_the_lease_from_each_other_for_ever() {
    let dir = tempdir().unwrap();
    let mut named = options(dir.path());
    named.advertise = Some("http://one.example:7700".to_owned());
    let mut first = Coordinator::start(named.clone()).await.unwrap();
    let second = Coordinator::start(named).await.unwrap();
    assert!(second.leads());
    // It notices with its next commit.
    let request = submit("one", vec![task("a", &[])]);
    let refused = jobs(&first).await.submit(request.clone()).await;
    assert_eq!(refused.unwrap_err().code(), Code::Unavailable);
    let stands = soon("standing by", async {
        loop {
            let stands = status(&first).await;
            if stands.epoch > 1 {
                break stands;
            }
        }
    })
    .await;
    assert_eq!((stands.epoch, stands.leading), (2, false));
    assert_eq!(stands.leader_address, "", "not that of its own");
    submit_job(&mut jobs(&second).await, request).await;
    assert_eq!(status(&second).await.epoch, 2);
    second.shutdown().await.unwrap();
    soon("a take-over", first.leading()).await.unwrap();
    assert_eq!(status(&first).await.epoch, 3);
}
