//! Jobs that ended badly: found, explained, replayed, purged.

mod support;
#[path = "dead_letters/world.rs"]
mod world;

use bytes::Bytes;
use drover_model::Timestamp;
use drover_proto::{time, v1};
use support::{ended, get, refusal, submit, submit_job, task};
use tonic::Code;
use v1::replay_dead_letter_request::Deadline as NewDeadline;
use world::{World, say};

const LONG_AGO: Timestamp = Timestamp(1_000_000_000_000);

#[tokio::test]
async fn a_dead_job_is_listed_with_its_reason_and_last_output() {
    let mut world = World::begin().await;
    let id = world.dead_job("dead").await;
    let key = v1::AttemptKey {
        job_id: Bytes::copy_from_slice(uuid::Uuid::parse_str(&id).unwrap().as_bytes()),
        task: 1,
        attempt: 1,
    };
    let text = [vec![b'x'; 5_000], b"the end".to_vec()].concat();
    say(&world.handle, Some(key), &text).await;
    let listed = world.list().await;
    assert_eq!(listed.len(), 1);
    assert!(listed[0].reason.contains('b'), "{}", listed[0].reason);
    assert!(listed[0].job.as_ref().unwrap().tasks.is_empty());
    let request = v1::GetDeadLetterRequest { job_id: id.clone() };
    let letter = world.letters.get(request).await.unwrap().into_inner();
    assert_eq!((&*letter.task, &letter.reason), ("b", &listed[0].reason));
    assert_eq!(letter.last_log.len(), 4_096);
    assert!(letter.last_log.ends_with(b"xthe end"));
    assert_eq!(letter.job.unwrap().tasks[1].attempts.len(), 1);
}

#[tokio::test]
async fn a_replay_is_a_new_job_once_however_often_it_is_asked_for() {
    let mut world = World::begin().await;
    let id = world.dead_job("dead").await;
    let first = world.replay(&id, false).await.unwrap();
    assert!(!first.duplicate && first.job_id != id);
    let second = world.replay(&id, true).await.unwrap();
    assert_eq!((&second.job_id, second.duplicate), (&first.job_id, true));
    assert!(world.list().await.is_empty());
    assert_eq!(get(&mut world.jobs, &first.job_id).await.replay_of, id);
    for step in [0, 1] {
        world.run(step, v1::Outcome::Succeeded).await;
    }
    let job = ended(&mut world.jobs, &first.job_id).await;
    assert_eq!(job.state(), v1::JobState::Succeeded);
    let gone = v1::GetDeadLetterRequest { job_id: id };
    let status = world.letters.get(gone).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert!(status.message().contains("replayed or purged"), "{status}");
}

#[tokio::test]
async fn a_replay_from_the_failed_task_keeps_what_had_succeeded() {
    let mut world = World::begin().await;
    let id = world.dead_job("dead").await;
    let again = world.replay(&id, true).await.unwrap().job_id;
    world.run(1, v1::Outcome::Succeeded).await;
    let job = ended(&mut world.jobs, &again).await;
    assert_eq!(job.state(), v1::JobState::Succeeded);
    let kept = &job.tasks[0].attempts;
    let before = &get(&mut world.jobs, &id).await.tasks[0].attempts;
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
    let mut world = World::begin().await;
    let open = submit_job(&mut world.jobs, submit("open", vec![task("a", &[])])).await;
    let status = world.replay(&open, false).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(refusal(&status).0, "NOT_DEAD");
    assert!(status.message().contains("is not dead"), "{status}");
    let unknown = "01890a5d-ac96-774b-bcce-b302099a8057";
    let status = world.replay(unknown, false).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    let status = world.replay("x", false).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let forged = v1::SubmitRequest {
        request_id: format!("drover:replay:{open}"),
        ..submit("forged", vec![task("a", &[])])
    };
    let status = world.jobs.submit(forged).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let page = world
        .jobs
        .list(v1::ListJobsRequest::default())
        .await
        .unwrap();
    assert_eq!(page.into_inner().jobs.len(), 1);
}

/// One that its deadline has ended before it could begin.
async fn late(world: &mut World) -> String {
    let mut request = submit("late", vec![task("a", &[])]);
    let spec = request.spec.as_mut().unwrap();
    spec.deadline = Some(v1::job_spec::Deadline::DeadlineAt(time::from_model(
        LONG_AGO,
    )));
    spec.set_deadline_action(v1::DeadlineAction::Cancel);
    let id = submit_job(&mut world.jobs, request).await;
    let job = ended(&mut world.jobs, &id).await;
    assert_eq!(job.state(), v1::JobState::TimedOut);
    assert!(job.tasks[0].attempts.is_empty(), "{job:?}");
    id
}

#[tokio::test]
async fn what_its_deadline_would_end_at_once_needs_another() {
    let mut world = World::begin().await;
    let id = late(&mut world).await;
    let again = world.replay(&id, true).await.unwrap_err();
    let passed = NewDeadline::DeadlineAt(time::from_model(LONG_AGO));
    let passed = world.replay_until(&id, passed).await.unwrap_err();
    for status in [again, passed] {
        assert_eq!(status.code(), Code::FailedPrecondition);
        assert_eq!(refusal(&status).0, "DEADLINE_PASSED");
        assert!(status.message().contains("--deadline"), "{status}");
    }
    let nothing = NewDeadline::DeadlineAfter(time::duration(0));
    let status = world.replay_until(&id, nothing).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(world.list().await.len(), 1);
    let enough = NewDeadline::DeadlineAfter(time::duration(600_000));
    let again = world.replay_until(&id, enough).await.unwrap().job_id;
    world.run(0, v1::Outcome::Succeeded).await;
    let job = ended(&mut world.jobs, &again).await;
    assert_eq!(
        (job.state(), job.deadline_missed),
        (v1::JobState::Succeeded, false)
    );
}

/// Its undo step has written something.
async fn rolled_back(world: &mut World) -> String {
    let undo = v1::UndoStep {
        run: Some(v1::undo_step::Run::Simulate(v1::Simulate::default())),
        ..Default::default()
    };
    let undone = v1::TaskSpec {
        undo: Some(undo),
        ..task("a", &[])
    };
    let mut request = submit("rolled", vec![undone, task("b", &["a"])]);
    let spec = request.spec.as_mut().unwrap();
    spec.set_on_failure(v1::FailureRule::Rollback);
    let id = submit_job(&mut world.jobs, request).await;
    world.run(0, v1::Outcome::Succeeded).await;
    world.run(1, v1::Outcome::Failed).await;
    let assign = world.agent.assignment().await;
    assert_eq!(assign.key.as_ref().unwrap().task, 2);
    say(&world.handle, assign.key.clone(), b"taking it back").await;
    world.agent.finished(&assign, v1::Outcome::Succeeded).await;
    let job = ended(&mut world.jobs, &id).await;
    assert_eq!(job.state(), v1::JobState::RolledBack);
    id
}

#[tokio::test]
async fn a_job_that_was_rolled_back_is_replayed_only_as_a_whole() {
    let mut world = World::begin().await;
    let id = rolled_back(&mut world).await;
    let status = world.replay(&id, true).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(refusal(&status).0, "NOTHING_TO_KEEP");
    assert_eq!(world.list().await.len(), 1);
    world.replay(&id, false).await.unwrap();
    assert!(world.list().await.is_empty());
}

/// As a coordinator of before left it that parked a job while it was rolling back.
#[tokio::test]
async fn what_an_undo_step_has_touched_is_not_kept() {
    let mut world = World::begin().await;
    let id = rolled_back(&mut world).await;
    let sql = "UPDATE jobs SET state = 'failed', intent = 'fail'";
    support::execute(world.directory.path(), sql).await;
    let status = world.replay(&id, true).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(refusal(&status).0, "NOTHING_TO_KEEP");
    world.replay(&id, false).await.unwrap();
}

#[tokio::test]
async fn what_an_undo_step_wrote_is_its_own() {
    let mut world = World::begin().await;
    let id = rolled_back(&mut world).await;
    let read = |task: &str, undo| v1::GetLogsRequest {
        job_id: id.clone(),
        task: task.to_owned(),
        undo,
        ..Default::default()
    };
    let lines = world.jobs.get_logs(read("a", true)).await.unwrap();
    let line = lines.into_inner().message().await.unwrap().unwrap();
    assert_eq!((&*line.task, &*line.data), ("a", &b"taking it back"[..]));
    let lines = world.jobs.get_logs(read("", false)).await.unwrap();
    assert!(lines.into_inner().message().await.unwrap().is_none());
    for wrong in [read("", true), read("b", true)] {
        let status = world.jobs.get_logs(wrong).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
    }
}

#[tokio::test]
async fn purging_takes_off_what_is_named_and_nothing_else() {
    let mut world = World::begin().await;
    let ids = [world.dead_job("one").await, world.dead_job("two").await];
    let now = get(&mut world.jobs, &ids[1]).await.end_time;
    let nothing = v1::PurgeDeadLettersRequest::default();
    let both = v1::PurgeDeadLettersRequest {
        job_ids: ids.to_vec(),
        ended_before_time: now,
        ..Default::default()
    };
    let unreadable = v1::PurgeDeadLettersRequest {
        job_ids: vec!["x".to_owned()],
        ..Default::default()
    };
    for wrong in [nothing, both, unreadable] {
        let status = world.purge(wrong).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    }
    assert_eq!(world.list().await.len(), 2);
    let one = v1::PurgeDeadLettersRequest {
        job_ids: vec![ids[0].clone()],
        ..Default::default()
    };
    assert_eq!(world.purge(one.clone()).await.unwrap(), 1);
    assert_eq!(world.purge(one).await.unwrap(), 0);
    let status = world.replay(&ids[0], false).await.unwrap_err();
    assert_eq!(refusal(&status).0, "NOT_DEAD");
    let left = world.list().await;
    assert_eq!(left[0].job.as_ref().unwrap().id, ids[1]);
    let all = v1::PurgeDeadLettersRequest {
        ended_before_time: Some(time::from_model(drover_model::Timestamp(4_102_444_800_000))),
        ..Default::default()
    };
    assert_eq!(world.purge(all).await.unwrap(), 1);
    get(&mut world.jobs, &ids[0]).await;
}
