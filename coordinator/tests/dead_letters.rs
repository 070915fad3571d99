//! Jobs that ended badly: found, explained, replayed, purged.

mod support;

use bytes::Bytes;
use drover_coordinator::Handle;
use drover_proto::{time, v1};
use support::{
    DeadLetters, FakeAgent, Jobs, channel, dead_letters, ended, get, jobs, join, refusal, start,
    submit, submit_job, task,
};
use tempfile::tempdir;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use v1::agent_service_client::AgentServiceClient;

async fn list(letters: &mut DeadLetters) -> Vec<v1::DeadLetter> {
    let request = v1::ListDeadLettersRequest::default();
    letters
        .list(request)
        .await
        .unwrap()
        .into_inner()
        .dead_letters
}

async fn replay(
    letters: &mut DeadLetters,
    job_id: &str,
    from_failed: bool,
) -> Result<v1::SubmitResponse, tonic::Status> {
    let request = v1::ReplayDeadLetterRequest {
        job_id: job_id.to_owned(),
        from_failed,
    };
    letters
        .replay(request)
        .await
        .map(tonic::Response::into_inner)
}

/// Runs a job of two tasks of which the second fails.
async fn dead_job(client: &mut Jobs, agent: &mut FakeAgent, name: &str) -> String {
    let request = submit(name, vec![task("a", &[]), task("b", &["a"])]);
    let id = submit_job(client, request).await;
    for outcome in [v1::Outcome::Succeeded, v1::Outcome::Failed] {
        let assign = agent.assignment().await;
        agent.finished(&assign, outcome).await;
    }
    let job = ended(client, &id).await;
    assert_eq!(job.state(), v1::JobState::Failed);
    id
}

async fn say(handle: &Handle, key: Option<v1::AttemptKey>, text: &[u8]) {
    let (chunks, messages) = mpsc::channel(1);
    let chunk = v1::LogChunk {
        key,
        stream: v1::LogStream::Stderr.into(),
        data: Bytes::from(zstd::bulk::compress(text, 1).unwrap()),
        end: true,
        sequence: 1,
        ..Default::default()
    };
    chunks.send(chunk).await.unwrap();
    let mut logs = AgentServiceClient::new(channel(handle).await);
    let stream = ReceiverStream::new(messages);
    let mut acks = logs.logs(stream).await.unwrap().into_inner();
    assert_eq!(acks.message().await.unwrap().unwrap().sequence, 1);
}

#[tokio::test]
async fn a_dead_job_is_listed_with_its_reason_and_last_output() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let mut client = jobs(&handle).await;
    let mut agent = FakeAgent::join(&handle, join("n1", 1_000)).await.unwrap();
    let id = dead_job(&mut client, &mut agent, "dead").await;
    let key = v1::AttemptKey {
        job_id: Bytes::copy_from_slice(uuid::Uuid::parse_str(&id).unwrap().as_bytes()),
        task: 1,
        attempt: 1,
    };
    let text = [vec![b'x'; 5_000], b"the end".to_vec()].concat();
    say(&handle, Some(key), &text).await;
    let mut letters = dead_letters(&handle).await;
    let listed = list(&mut letters).await;
    assert_eq!(listed.len(), 1);
    assert!(listed[0].reason.contains('b'), "{}", listed[0].reason);
    assert!(listed[0].job.as_ref().unwrap().tasks.is_empty());
    let request = v1::GetDeadLetterRequest { job_id: id.clone() };
    let letter = letters.get(request).await.unwrap().into_inner();
    assert_eq!((&*letter.task, &letter.reason), ("b", &listed[0].reason));
    assert_eq!(letter.last_log.len(), 4_096);
    assert!(letter.last_log.ends_with(b"xthe end"));
    assert_eq!(letter.job.unwrap().tasks[1].attempts.len(), 1);
}

#[tokio::test]
async fn a_replay_is_a_new_job_once_however_often_it_is_asked_for() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let mut client = jobs(&handle).await;
    let mut agent = FakeAgent::join(&handle, join("n1", 1_000)).await.unwrap();
    let id = dead_job(&mut client, &mut agent, "dead").await;
    let mut letters = dead_letters(&handle).await;
    let first = replay(&mut letters, &id, false).await.unwrap();
    assert!(!first.duplicate && first.job_id != id);
    let second = replay(&mut letters, &id, true).await.unwrap();
    assert_eq!((&second.job_id, second.duplicate), (&first.job_id, true));
    assert!(list(&mut letters).await.is_empty());
    assert_eq!(get(&mut client, &first.job_id).await.replay_of, id);
    for task in [0, 1] {
        let assign = agent.assignment().await;
        assert_eq!(assign.key.as_ref().unwrap().task, task);
        agent.finished(&assign, v1::Outcome::Succeeded).await;
    }
    let job = ended(&mut client, &first.job_id).await;
    assert_eq!(job.state(), v1::JobState::Succeeded);
    let gone = v1::GetDeadLetterRequest { job_id: id };
    let status = letters.get(gone).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert!(status.message().contains("replayed or purged"), "{status}");
}

#[tokio::test]
async fn a_replay_from_the_failed_task_keeps_what_had_succeeded() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let mut client = jobs(&handle).await;
    let mut agent = FakeAgent::join(&handle, join("n1", 1_000)).await.unwrap();
    let id = dead_job(&mut client, &mut agent, "dead").await;
    let mut letters = dead_letters(&handle).await;
    let again = replay(&mut letters, &id, true).await.unwrap().job_id;
    let assign = agent.assignment().await;
    assert_eq!(assign.key.as_ref().unwrap().task, 1);
    agent.finished(&assign, v1::Outcome::Succeeded).await;
    let job = ended(&mut client, &again).await;
    assert_eq!(job.state(), v1::JobState::Succeeded);
    let kept = &job.tasks[0].attempts;
    let before = &get(&mut client, &id).await.tasks[0].attempts;
    assert_eq!(kept.len(), 1);
    assert_eq!(
        (kept[0].state(), &kept[0].node, kept[0].end_time),
        (
            v1::AttemptState::Succeeded,
            &before[0].node,
            before[0].end_time
        )
    );
}

#[tokio::test]
async fn what_is_not_dead_is_not_replayed() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let mut client = jobs(&handle).await;
    let mut letters = dead_letters(&handle).await;
    let open = submit_job(&mut client, submit("open", vec![task("a", &[])])).await;
    let status = replay(&mut letters, &open, false).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(refusal(&status).0, "NOT_DEAD");
    assert!(status.message().contains("queued"), "{status}");
    let unknown = "01890a5d-ac96-774b-bcce-b302099a8057";
    let status = replay(&mut letters, unknown, false).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    let status = replay(&mut letters, "x", false).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let forged = v1::SubmitRequest {
        request_id: format!("drover:replay:{open}"),
        ..submit("forged", vec![task("a", &[])])
    };
    let status = client.submit(forged).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let page = client.list(v1::ListJobsRequest::default()).await.unwrap();
    assert_eq!(page.into_inner().jobs.len(), 1);
}

#[tokio::test]
async fn a_job_that_was_rolled_back_is_replayed_only_as_a_whole() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let mut client = jobs(&handle).await;
    let mut agent = FakeAgent::join(&handle, join("n1", 1_000)).await.unwrap();
    let undo = v1::UndoStep {
        run: Some(v1::undo_step::Run::Simulate(v1::Simulate {
            duration: Some(time::duration(0)),
            failure_chance: 0.0,
        })),
        ..Default::default()
    };
    let undone = v1::TaskSpec {
        undo: Some(undo),
        ..task("a", &[])
    };
    let mut request = submit("rolled", vec![undone, task("b", &["a"])]);
    request
        .spec
        .as_mut()
        .unwrap()
        .set_on_failure(v1::FailureRule::Rollback);
    let id = submit_job(&mut client, request).await;
    let outcomes = [
        (0, v1::Outcome::Succeeded),
        (1, v1::Outcome::Failed),
        (2, v1::Outcome::Succeeded),
    ];
    for (step, outcome) in outcomes {
        let assign = agent.assignment().await;
        assert_eq!(assign.key.as_ref().unwrap().task, step);
        if step == 2 {
            say(&handle, assign.key.clone(), b"taking it back").await;
        }
        agent.finished(&assign, outcome).await;
    }
    let job = ended(&mut client, &id).await;
    assert_eq!(job.state(), v1::JobState::RolledBack);
    let mut letters = dead_letters(&handle).await;
    let status = replay(&mut letters, &id, true).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(refusal(&status).0, "NOTHING_TO_KEEP");
    assert_eq!(list(&mut letters).await.len(), 1);

    let read = |task: &str, undo| v1::GetLogsRequest {
        job_id: id.clone(),
        task: task.to_owned(),
        undo,
        ..Default::default()
    };
    let mut lines = client.get_logs(read("a", true)).await.unwrap().into_inner();
    let line = lines.message().await.unwrap().unwrap();
    assert_eq!((&*line.task, &*line.data), ("a", &b"taking it back"[..]));
    let mut lines = client.get_logs(read("", false)).await.unwrap().into_inner();
    assert!(lines.message().await.unwrap().is_none());
    for wrong in [read("", true), read("b", true)] {
        let status = client.get_logs(wrong).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
    }
    replay(&mut letters, &id, false).await.unwrap();
    assert!(list(&mut letters).await.is_empty());
}

#[tokio::test]
async fn purging_takes_off_what_is_named_and_nothing_else() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let mut client = jobs(&handle).await;
    let mut agent = FakeAgent::join(&handle, join("n1", 1_000)).await.unwrap();
    let mut ids = Vec::new();
    for name in ["one", "two"] {
        ids.push(dead_job(&mut client, &mut agent, name).await);
    }
    let mut letters = dead_letters(&handle).await;
    let now = get(&mut client, &ids[1]).await.end_time;
    let nothing = v1::PurgeDeadLettersRequest::default();
    let both = v1::PurgeDeadLettersRequest {
        job_ids: ids.clone(),
        ended_before_time: now,
        ..Default::default()
    };
    let unreadable = v1::PurgeDeadLettersRequest {
        job_ids: vec!["x".to_owned()],
        ..Default::default()
    };
    for wrong in [nothing, both, unreadable] {
        let status = letters.purge(wrong).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    }
    assert_eq!(list(&mut letters).await.len(), 2);
    let one = v1::PurgeDeadLettersRequest {
        job_ids: vec![ids[0].clone()],
        ..Default::default()
    };
    let purged = letters.purge(one.clone()).await.unwrap().into_inner();
    assert_eq!(purged.purged, 1);
    assert_eq!(letters.purge(one).await.unwrap().into_inner().purged, 0);
    let status = replay(&mut letters, &ids[0], false).await.unwrap_err();
    assert_eq!(refusal(&status).0, "NOT_DEAD");
    let left = list(&mut letters).await;
    assert_eq!(left[0].job.as_ref().unwrap().id, ids[1]);
    let all = v1::PurgeDeadLettersRequest {
        ended_before_time: Some(time::from_model(drover_model::Timestamp(4_102_444_800_000))),
        ..Default::default()
    };
    let purged = letters
        .purge(all)
        .await
        .map(|purged| purged.into_inner().purged);
    match purged {
        Ok(purged) => assert_eq!(purged, 1),
        Err(status) => panic!("{status}"),
    }
    get(&mut client, &ids[0]).await;
}
