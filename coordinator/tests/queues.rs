//! What queues give to the jobs that are submitted to them.

mod support;

use drover_proto::{time, v1};
use support::{get, jobs, queues, start, status, submit, submit_job, task};
use tempfile::tempdir;
use tonic::Code;
use tonic_types::StatusExt as _;

fn batch(retries: u32) -> v1::SetQueueRequest {
    v1::SetQueueRequest {
        queue: Some(v1::Queue {
            name: "batch".to_owned(),
            defaults: Some(v1::QueueDefaults {
                retry: Some(v1::RetryRule {
                    retries,
                    ..Default::default()
                }),
                grace: Some(time::duration(1_500)),
                ..Default::default()
            }),
            ..Default::default()
        }),
    }
}

fn to_batch(name: &str) -> v1::SubmitRequest {
    let own = v1::TaskSpec {
        grace: Some(time::duration(9_000)),
        ..task("own", &[])
    };
    let mut request = submit(name, vec![task("plain", &[]), own]);
    request.spec.as_mut().unwrap().queue = "batch".to_owned();
    request
}

#[tokio::test]
async fn defaults_are_filled_in_when_a_job_is_accepted_and_survive_a_restart() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let mut client = jobs(&handle).await;
    let before = submit_job(&mut client, to_batch("before")).await;
    let set = queues(&handle).await.set(batch(4)).await.unwrap();
    assert_eq!(set.into_inner().namespace, "default");
    let after = submit_job(&mut client, to_batch("after")).await;
    let spec = get(&mut client, &before).await.spec.unwrap();
    assert!(spec.tasks[0].retry.is_none());
    let spec = get(&mut client, &after).await.spec.unwrap();
    assert_eq!(spec.tasks[0].retry.as_ref().unwrap().retries, 4);
    assert_eq!(spec.tasks[0].grace, Some(time::duration(1_500)));
    assert_eq!(spec.tasks[1].grace, Some(time::duration(9_000)));
    handle.shutdown().await.unwrap();

    let again = start(dir.path()).await;
    let mut client = jobs(&again).await;
    let later = submit_job(&mut client, to_batch("later")).await;
    let spec = get(&mut client, &later).await.spec.unwrap();
    assert_eq!(spec.tasks[0].retry.as_ref().unwrap().retries, 4);
    let list = queues(&again)
        .await
        .list(v1::ListQueuesRequest::default())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(list.queues, [batch(4).queue.unwrap()].map(in_default));
    assert_eq!(status(&again).await.open_jobs, 3);
}

fn in_default(mut queue: v1::Queue) -> v1::Queue {
    queue.namespace = "default".to_owned();
    queue
}

#[tokio::test]
async fn a_repeated_submit_is_recognised_when_the_defaults_have_changed() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let mut client = jobs(&handle).await;
    let mut queues = queues(&handle).await;
    let named = v1::SubmitRequest {
        request_id: "r1".to_owned(),
        ..to_batch("named")
    };
    queues.set(batch(1)).await.unwrap();
    let first = client.submit(named.clone()).await.unwrap().into_inner();
    for defaults in [
        batch(2),
        v1::SetQueueRequest {
            queue: batch(0).queue.map(|queue| v1::Queue {
                defaults: None,
                ..queue
            }),
        },
    ] {
        queues.set(defaults).await.unwrap();
        let again = client.submit(named.clone()).await.unwrap().into_inner();
        assert_eq!(
            (again.job_id, again.duplicate),
            (first.job_id.clone(), true)
        );
    }
    let mut other = named;
    other.spec.as_mut().unwrap().tasks[1].grace = Some(time::duration(1));
    let refused = client.submit(other).await.unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists);
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused_and_change_nothing() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let mut queues = queues(&handle).await;
    let wrong = batch(u32::MAX);
    let refused = queues.set(wrong).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let details = refused.get_error_details();
    let violations = &details.bad_request().unwrap().field_violations;
    assert!(violations[0].field.starts_with("queue."), "{violations:?}");
    let list = queues.list(v1::ListQueuesRequest::default()).await;
    assert!(list.unwrap().into_inner().queues.is_empty());
}
