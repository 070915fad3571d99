//! The path of a job through a coordinator in this process, over real gRPC and a real store.

mod support;

use drover_coordinator::{Coordinator, CoordinatorError};
use drover_proto::v1;
use support::{FakeAgent, ended, get, jobs, join, options, start, submit, task};
use tempfile::tempdir;
use tonic::{Code, Request};
use tonic_types::StatusExt as _;
use v1::watch_job_response::Event;

#[tokio::test]
async fn a_dag_runs_in_order_and_survives_a_restart() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let mut client = jobs(&handle).await;
    let mut agent = FakeAgent::join(&handle, join("n1", 4_000)).await.unwrap();
    let mut request = Request::new(submit("dag", vec![task("b", &["a"]), task("a", &[])]));
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    request
        .metadata_mut()
        .insert("traceparent", traceparent.parse().unwrap());
    let id = client.submit(request).await.unwrap().into_inner().job_id;
    for expected in [1, 0] {
        let assign = agent.assignment().await;
        assert_eq!(assign.key.as_ref().unwrap().task, expected);
        assert_eq!(assign.traceparent, traceparent);
        agent.started(&assign).await;
        agent.finished(&assign, v1::Outcome::Succeeded).await;
    }
    let before = ended(&mut client, &id).await;
    assert_eq!(before.state(), v1::JobState::Succeeded);
    assert_eq!(before.counts.unwrap().succeeded, 2);
    assert_eq!(before.traceparent, traceparent);
    handle.shutdown().await.unwrap();
    let again = start(dir.path()).await;
    let after = get(&mut jobs(&again).await, &id).await;
    assert_eq!(after, before);
}

#[tokio::test]
async fn open_jobs_go_on_after_a_restart() {
    let dir = tempdir().unwrap();
    let first = start(dir.path()).await;
    let request = submit("later", vec![task("a", &[])]);
    let id = jobs(&first)
        .await
        .submit(request)
        .await
        .unwrap()
        .into_inner()
        .job_id;
    first.shutdown().await.unwrap();
    let second = start(dir.path()).await;
    let mut client = jobs(&second).await;
    let waiting = get(&mut client, &id).await;
    assert_eq!(waiting.state(), v1::JobState::Queued);
    assert_eq!(
        waiting.tasks[0].pending_reason,
        "no agent is connected that takes new work"
    );
    let mut agent = FakeAgent::join(&second, join("n1", 1_000)).await.unwrap();
    let assign = agent.assignment().await;
    agent.finished(&assign, v1::Outcome::Succeeded).await;
    assert_eq!(
        ended(&mut client, &id).await.state(),
        v1::JobState::Succeeded
    );
}

#[tokio::test]
async fn a_watch_is_a_snapshot_and_every_change_after_it() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let mut client = jobs(&handle).await;
    let request = submit("watched", vec![task("a", &[])]);
    let job_id = client.submit(request).await.unwrap().into_inner().job_id;
    let mut watch = client
        .watch(v1::WatchJobRequest { job_id })
        .await
        .unwrap()
        .into_inner();
    let first = watch.message().await.unwrap().unwrap();
    let Some(Event::Snapshot(snapshot)) = first.event else {
        panic!("the snapshot comes first");
    };
    assert_eq!(snapshot.tasks[0].state(), v1::TaskState::Queued);
    let mut agent = FakeAgent::join(&handle, join("n1", 1_000)).await.unwrap();
    let assign = agent.assignment().await;
    agent.started(&assign).await;
    agent.finished(&assign, v1::Outcome::Succeeded).await;
    let mut turn = first.turn;
    let mut tasks = Vec::new();
    let mut last = None;
    while let Some(message) = watch.message().await.unwrap() {
        assert!(message.turn >= turn);
        assert!(message.turn > first.turn);
        turn = message.turn;
        match message.event.unwrap() {
            Event::Task(change) => {
                let holds = change.state() != v1::TaskState::Succeeded;
                assert_eq!(
                    (change.attempt, &*change.node),
                    (1, if holds { "n1" } else { "" })
                );
                tasks.push(change.state());
            }
            Event::Job(change) => last = Some(change.state()),
            Event::Snapshot(_) => panic!("one snapshot only"),
        }
    }
    assert_eq!(tasks.first(), Some(&v1::TaskState::Assigned));
    assert_eq!(tasks.last(), Some(&v1::TaskState::Succeeded));
    assert_eq!(last, Some(v1::JobState::Succeeded));
}

#[tokio::test]
async fn a_request_id_makes_one_job_before_and_after_a_restart() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let mut client = jobs(&handle).await;
    let request = v1::SubmitRequest {
        request_id: "r1".to_owned(),
        ..submit("once", vec![task("a", &[])])
    };
    let first = client.submit(request.clone()).await.unwrap().into_inner();
    assert!(!first.duplicate);
    let second = client.submit(request.clone()).await.unwrap().into_inner();
    assert_eq!((&second.job_id, second.duplicate), (&first.job_id, true));
    let mut agent = FakeAgent::join(&handle, join("n1", 1_000)).await.unwrap();
    let assign = agent.assignment().await;
    agent.finished(&assign, v1::Outcome::Succeeded).await;
    ended(&mut client, &first.job_id).await;
    handle.shutdown().await.unwrap();
    let again = start(dir.path()).await;
    let mut client = jobs(&again).await;
    let batch = v1::SubmitBatchRequest {
        requests: vec![submit("new", vec![task("a", &[])]), request.clone()],
    };
    let responses = client
        .submit_batch(batch)
        .await
        .unwrap()
        .into_inner()
        .responses;
    assert!(!responses[0].duplicate);
    assert_eq!(
        (&responses[1].job_id, responses[1].duplicate),
        (&first.job_id, true)
    );
    let other = v1::SubmitRequest {
        request_id: "r1".to_owned(),
        ..submit("different", vec![task("a", &[])])
    };
    assert_eq!(
        client.submit(other).await.unwrap_err().code(),
        Code::AlreadyExists
    );
}

#[tokio::test]
async fn bad_input_names_the_place_and_stores_nothing() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let mut client = jobs(&handle).await;
    let cycle = submit("bad", vec![task("a", &["b"]), task("b", &["a"])]);
    let status = client.submit(cycle.clone()).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let details = status.get_error_details();
    let violations = &details.bad_request().unwrap().field_violations;
    assert!(violations[0].field.ends_with(".needs"), "{violations:?}");
    assert!(violations[0].description.contains("-> "), "{violations:?}");
    let batch = v1::SubmitBatchRequest {
        requests: vec![submit("good", vec![task("a", &[])]), cycle],
    };
    let status = client.submit_batch(batch).await.unwrap_err();
    let details = status.get_error_details();
    assert!(
        details.bad_request().unwrap().field_violations[0]
            .field
            .starts_with("requests[1].tasks["),
        "{details:?}"
    );
    let twice = v1::SubmitRequest {
        request_id: "same".to_owned(),
        ..submit("good", vec![task("a", &[])])
    };
    let batch = v1::SubmitBatchRequest {
        requests: vec![twice.clone(), twice],
    };
    assert_eq!(
        client.submit_batch(batch).await.unwrap_err().code(),
        Code::InvalidArgument
    );
    let page = client
        .list(v1::ListJobsRequest::default())
        .await
        .unwrap()
        .into_inner();
    assert!(page.jobs.is_empty());
    let unknown = v1::GetJobRequest {
        job_id: "01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
    };
    assert_eq!(
        client.get(unknown).await.unwrap_err().code(),
        Code::NotFound
    );
}

#[tokio::test]
async fn lists_are_newest_first_in_pages() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let mut client = jobs(&handle).await;
    let mut ids = Vec::new();
    for number in 0..5 {
        let request = submit(&format!("job{number}"), vec![task("a", &[])]);
        ids.push(client.submit(request).await.unwrap().into_inner().job_id);
    }
    ids.reverse();
    let mut found = Vec::new();
    let mut request = v1::ListJobsRequest {
        page_size: 2,
        ..Default::default()
    };
    loop {
        let page = client.list(request.clone()).await.unwrap().into_inner();
        assert!(page.jobs.len() <= 2);
        found.extend(page.jobs.into_iter().map(|job| job.id));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
        let other = v1::ListJobsRequest {
            queue: "other".to_owned(),
            ..request.clone()
        };
        assert_eq!(
            client.list(other).await.unwrap_err().code(),
            Code::InvalidArgument
        );
    }
    assert_eq!(found, ids);
}

#[tokio::test]
async fn an_exposed_coordinator_is_refused() {
    let dir = tempdir().unwrap();
    let mut exposed = options(dir.path());
    exposed.listen = "0.0.0.0:0".parse().unwrap();
    let error = Coordinator::start(exposed).await.unwrap_err();
    assert!(matches!(error, CoordinatorError::Config(_)), "{error}");
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_is_told_at_once() {
    let dir = tempdir().unwrap();
    let missing = options(&dir.path().join("missing"));
    let error = Coordinator::start(missing).await.unwrap_err();
    assert!(matches!(error, CoordinatorError::Store(_)), "{error}");
}
