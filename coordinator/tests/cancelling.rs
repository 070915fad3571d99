//! Jobs that somebody stops, and what they are told.

mod support;

use drover_proto::v1;
use support::{FakeAgent, ended, jobs, join, refusal, start, submit, task};
use tempfile::tempdir;
use tonic::Code;

#[tokio::test]
async fn cancelling_stops_what_runs_and_drops_what_waits() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let mut client = jobs(&handle).await;
    let mut agent = FakeAgent::join(&handle, join("n1", 1_000)).await.unwrap();
    let request = submit("unwanted", vec![task("a", &[]), task("b", &["a"])]);
    let id = client.submit(request).await.unwrap().into_inner().job_id;
    let assign = agent.assignment().await;
    agent.started(&assign).await;
    let cancel = v1::CancelJobRequest {
        job_id: id.clone(),
        reason: "wrong input".to_owned(),
        ..Default::default()
    };
    client.cancel(cancel.clone()).await.unwrap();
    let stop = agent.stop().await;
    assert_eq!(stop.keys, [assign.key.clone().unwrap()]);
    assert_eq!(stop.grace_ms, [5_000]);
    // The same call again is answered as the first was.
    client.cancel(cancel.clone()).await.unwrap();
    agent.finished(&assign, v1::Outcome::Stopped).await;
    let job = ended(&mut client, &id).await;
    assert_eq!(job.state(), v1::JobState::Cancelled);
    assert_eq!(job.message, "wrong input");
    assert_eq!(job.tasks[1].state(), v1::TaskState::Cancelled);
    let late = client.cancel(cancel).await.unwrap_err();
    assert_eq!(late.code(), Code::FailedPrecondition);
    assert_eq!(refusal(&late).0, "JOB_ENDED");
}

/// Nothing would be undone, so nobody is told that it will be.
#[tokio::test]
async fn an_abandoned_job_takes_no_rollback() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let mut client = jobs(&handle).await;
    let mut agent = FakeAgent::join(&handle, join("n1", 1_000)).await.unwrap();
    let request = submit("left as it is", vec![task("a", &[])]);
    let id = client.submit(request).await.unwrap().into_inner().job_id;
    let assign = agent.assignment().await;
    agent.started(&assign).await;
    let cancel = |how: v1::Cancellation| v1::CancelJobRequest {
        job_id: id.clone(),
        how: how.into(),
        ..Default::default()
    };
    client
        .cancel(cancel(v1::Cancellation::Abandon))
        .await
        .unwrap();
    let refused = client.cancel(cancel(v1::Cancellation::RollBack)).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");
    assert!(refused.message().contains("abandoned"), "{refused}");
    for how in [v1::Cancellation::Abandon, v1::Cancellation::Stop] {
        client.cancel(cancel(how)).await.unwrap();
    }
}
