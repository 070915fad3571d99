//! Arrays and gangs, from the call to the record.

mod support;

use drover_coordinator::Coordinator;
use drover_proto::v1::{self, task_spec::Instances};
use support::{
    FakeAgent, Jobs, ended, get, jobs, join, options, queues, refusal, start, submit, submit_job,
    task,
};
use tempfile::tempdir;
use tonic::Code;

fn array(name: &str, count: u32, parallel: u32, max_failed: u32) -> v1::TaskSpec {
    v1::TaskSpec {
        instances: Some(Instances::Array(v1::Array {
            count,
            parallel,
            max_failed,
        })),
        ..task(name, &[])
    }
}

fn ring(name: &str, size: u32) -> v1::TaskSpec {
    let topology = v1::Topology::Ring.into();
    v1::TaskSpec {
        instances: Some(Instances::Gang(v1::Gang { size, topology })),
        ..task(name, &[])
    }
}

fn at(node: &str, cpu_millis: u64) -> v1::Join {
    let mut join = join(node, cpu_millis);
    join.attributes = Some(v1::NodeAttributes {
        address: format!("{node}.test"),
        ..Default::default()
    });
    join
}

fn states(job: &v1::Job) -> Vec<(&str, v1::TaskState)> {
    let tasks = job.tasks.iter();
    tasks.map(|task| (&*task.name, task.state())).collect()
}

async fn explain(jobs: &mut Jobs, job_id: &str, task: &str) -> v1::Task {
    let request = v1::ExplainRequest {
        job_id: job_id.to_owned(),
        task: task.to_owned(),
    };
    let told = jobs.explain(request).await.unwrap().into_inner();
    told.task.expect("a task")
}

#[tokio::test]
async fn an_array_keeps_its_limits_across_a_restart() {
    use v1::TaskState::{Assigned, Failed, Pending, Queued, Running, Succeeded};
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let mut agent = FakeAgent::join(&handle, at("n1", 8_000)).await.unwrap();
    let mut client = jobs(&handle).await;
    let tasks = vec![task("b", &["a"]), array("a", 4, 2, 1)];
    let id = submit_job(&mut client, submit("many", tasks)).await;
    let first = agent.assignment().await;
    let second = agent.assignment().await;
    assert_eq!((first.index, first.count), (Some(0), 4));
    assert_eq!((second.index, second.count), (Some(1), 4));
    let turn = explain(&mut client, &id, "a[3]").await;
    assert!(turn.pending_reason.contains("2 instances"), "{turn:?}");
    agent.finished(&first, v1::Outcome::Failed).await;
    let third = agent.assignment().await;
    assert_eq!(third.index, Some(2));
    let expected = [
        ("b", Pending),
        ("a[0]", Failed),
        ("a[1]", Assigned),
        ("a[2]", Assigned),
        ("a[3]", Queued),
        ("a", Running),
    ];
    assert_eq!(states(&get(&mut client, &id).await), expected);
    handle.shutdown().await.unwrap();

    let handle = Coordinator::start(options(dir.path())).await.unwrap();
    let mut client = jobs(&handle).await;
    let mut again = at("n1", 8_000);
    again.running = vec![second.key.clone().unwrap(), third.key.clone().unwrap()];
    let mut agent = FakeAgent::join(&handle, again).await.unwrap();
    agent.finished(&second, v1::Outcome::Succeeded).await;
    let last = agent.assignment().await;
    assert_eq!(last.index, Some(3));
    agent.finished(&third, v1::Outcome::Succeeded).await;
    agent.finished(&last, v1::Outcome::Succeeded).await;
    let behind = agent.assignment().await;
    assert_eq!((behind.index, behind.count), (None, 0));
    agent.finished(&behind, v1::Outcome::Succeeded).await;
    let job = ended(&mut client, &id).await;
    assert_eq!(job.state(), v1::JobState::Succeeded);
    let expected = [
        ("b", Succeeded),
        ("a[0]", Failed),
        ("a[1]", Succeeded),
        ("a[2]", Succeeded),
        ("a[3]", Succeeded),
        ("a", Succeeded),
    ];
    assert_eq!(states(&job), expected);
    let of = job.tasks.iter().map(|task| &*task.instance_of);
    assert!(of.eq(["", "a", "a", "a", "a", ""]));
}

#[tokio::test]
async fn members_of_a_gang_are_told_of_each_other() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let mut client = jobs(&handle).await;
    let mut one = FakeAgent::join(&handle, at("n1", 1_000)).await.unwrap();
    let id = submit_job(&mut client, submit("wide", vec![ring("a", 2)])).await;
    let waits = get(&mut client, &id).await;
    assert!(
        waits.tasks[0].pending_reason.contains("only 1 would fit"),
        "{waits:?}"
    );
    let mut other = FakeAgent::join(&handle, at("n2", 1_000)).await.unwrap();
    let assigned = [one.assignment().await, other.assignment().await];
    for (rank, assign) in (0..).zip(&assigned) {
        assert_eq!((assign.index, assign.count), (Some(rank), 2));
        assert_eq!(assign.peers, ["n1.test", "n2.test"]);
        assert!(assign.ring);
    }
    one.finished(&assigned[0], v1::Outcome::Succeeded).await;
    other.finished(&assigned[1], v1::Outcome::Succeeded).await;
    let job = ended(&mut client, &id).await;
    assert_eq!(job.state(), v1::JobState::Succeeded);
}

#[tokio::test]
async fn a_replay_keeps_what_an_array_forgave() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let mut client = jobs(&handle).await;
    let mut agent = FakeAgent::join(&handle, at("n1", 8_000)).await.unwrap();
    let tasks = vec![array("a", 2, 1, 1), task("b", &["a"])];
    let id = submit_job(&mut client, submit("dead", tasks)).await;
    for outcome in [
        v1::Outcome::Failed,
        v1::Outcome::Succeeded,
        v1::Outcome::Failed,
    ] {
        let assign = agent.assignment().await;
        agent.finished(&assign, outcome).await;
    }
    let dead = ended(&mut client, &id).await;
    assert_eq!(dead.state(), v1::JobState::Failed);
    let replay = v1::ReplayDeadLetterRequest {
        job_id: id,
        from_failed: true,
        ..Default::default()
    };
    let mut letters = support::dead_letters(&handle).await;
    let id = letters.replay(replay).await.unwrap().into_inner().job_id;
    let assign = agent.assignment().await;
    assert_eq!(assign.index, None);
    agent.finished(&assign, v1::Outcome::Succeeded).await;
    let job = ended(&mut client, &id).await;
    assert_eq!(job.state(), v1::JobState::Succeeded);
    assert_eq!(states(&job)[0], ("a[0]", v1::TaskState::Failed));
}

#[tokio::test]
async fn what_a_queue_says_of_preemption_is_not_for_users_to_say() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let mut client = jobs(&handle).await;
    let mut asked = submit("urgent", vec![task("a", &[])]);
    asked.spec.as_mut().unwrap().queue = "urgent".to_owned();
    asked.request_id = "once".to_owned();
    let mut forged = asked.clone();
    forged.spec.as_mut().unwrap().may_preempt = true;
    let status = client.submit(forged).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("may_preempt"), "{status}");
    let set = |preemption| v1::SetQueueRequest {
        queue: Some(v1::Queue {
            name: "urgent".to_owned(),
            defaults: Some(v1::QueueDefaults {
                preemption,
                ..Default::default()
            }),
            ..Default::default()
        }),
    };
    queues(&handle).await.set(set(true)).await.unwrap();
    let id = submit_job(&mut client, asked.clone()).await;
    let job = get(&mut client, &id).await;
    assert!(job.spec.is_some_and(|spec| spec.may_preempt));
    // Recognised, whatever the queue says by now.
    queues(&handle).await.set(set(false)).await.unwrap();
    let again = client.submit(asked).await.unwrap().into_inner();
    assert_eq!((again.job_id, again.duplicate), (id, true));
}

#[tokio::test]
async fn what_is_too_much_is_refused_and_stores_nothing() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let mut client = jobs(&handle).await;
    let mut wrong = array("a", 4, 0, 4);
    wrong.name = "a".to_owned();
    let status = client.submit(submit("bad", vec![wrong])).await.unwrap_err();
    assert!(
        status.message().contains("tasks[0].array.max_failed"),
        "{status}"
    );
    let large = submit("large", vec![array("a", 60_000, 1, 0)]);
    let batch = v1::SubmitBatchRequest {
        requests: vec![large.clone(), large],
    };
    let status = client.submit_batch(batch).await.unwrap_err();
    assert!(status.message().contains("several calls"), "{status}");
    let list = client.list(v1::ListJobsRequest::default()).await.unwrap();
    assert_eq!(list.into_inner().jobs, []);
}

#[tokio::test]
async fn names_of_instances_are_told() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let mut client = jobs(&handle).await;
    let id = submit_job(&mut client, submit("many", vec![array("a", 4, 0, 0)])).await;
    let logs = |task: &str| v1::GetLogsRequest {
        job_id: id.clone(),
        task: task.to_owned(),
        ..Default::default()
    };
    for name in ["a", "a[0]", "a[3]"] {
        let lines = client.get_logs(logs(name)).await.unwrap();
        assert_eq!(lines.into_inner().message().await.unwrap(), None, "{name}");
    }
    let status = client.get_logs(logs("a[4]")).await.unwrap_err();
    assert_eq!(refusal(&status).0, "TASK_NOT_FOUND");
    assert!(
        status.message().ends_with("its tasks are a (a[0] to a[3])"),
        "{status}"
    );
}
