//! Why a task waits, and how it was placed; and what it costs.

mod support;

use drover_coordinator::Coordinator;
use drover_proto::{time, v1};
use support::{
    FakeAgent, Jobs, ended, get, jobs, join, nodes, options, refusal, soon, start, submit,
    submit_job, task,
};
use tempfile::tempdir;
use tonic::Code;

async fn explain(jobs: &mut Jobs, job_id: &str, task: &str) -> v1::ExplainResponse {
    let request = v1::ExplainRequest {
        job_id: job_id.to_owned(),
        task: task.to_owned(),
    };
    jobs.explain(request).await.unwrap().into_inner()
}

fn with_cpu(mut task: v1::TaskSpec, cpu_millis: u64) -> v1::TaskSpec {
    task.resources = Some(v1::Resources {
        cpu_millis,
        ..Default::default()
    });
    task
}

#[tokio::test]
async fn a_waiting_task_hears_from_every_node() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let mut agents = Vec::new();
    for (name, cpu_millis) in [("big", 8_000), ("cordoned", 8_000), ("small", 1_000)] {
        let agent = FakeAgent::join(&handle, join(name, cpu_millis)).await;
        agents.push(agent.unwrap());
    }
    let cordon = v1::CordonNodeRequest {
        name: "cordoned".to_owned(),
    };
    nodes(&handle).await.cordon(cordon).await.unwrap();
    let mut client = jobs(&handle).await;
    let first = submit("runs", vec![with_cpu(task("a", &[]), 6_000)]);
    submit_job(&mut client, first).await;
    agents[0].assignment().await;
    let mut constrained = with_cpu(task("b", &[]), 4_000);
    constrained.constraints = Some(v1::Constraints {
        avoid_nodes: vec!["small".to_owned()],
        ..Default::default()
    });
    let waiting = vec![
        with_cpu(task("a", &[]), 4_000),
        constrained,
        task("c", &["a"]),
    ];
    let id = submit_job(&mut client, submit("waits", waiting)).await;

    let told = explain(&mut client, &id, "").await;
    let about = told.task.unwrap();
    assert_eq!((&*about.name, about.state()), ("a", v1::TaskState::Queued));
    assert!(about.pending_reason.contains("cpu"), "{about:?}");
    assert_eq!((told.nodes_left_out, told.decision), (0, None));
    let names: Vec<&str> = told.nodes.iter().map(|verdict| &*verdict.node).collect();
    assert_eq!(names, ["big", "small", "cordoned"]);
    for (verdict, word) in told.nodes.iter().zip(["2 ", "1", "cordon"]) {
        assert!(verdict.obstacle.contains(word), "{verdict:?}");
    }
    let score = told.nodes[0].score.as_ref().unwrap();
    let terms: Vec<(&str, u32)> = score
        .terms
        .iter()
        .map(|term| (&*term.name, term.weight))
        .collect();
    let expected = [
        ("free", 300),
        ("latency", 250),
        ("cost", 250),
        ("priority", 200),
    ];
    assert_eq!(terms[..4], expected);

    let told = explain(&mut client, &id, "b").await;
    let small = told.nodes.iter().find(|verdict| verdict.node == "small");
    assert!(small.unwrap().obstacle.contains("avoid"), "{small:?}");
    let told = explain(&mut client, &id, "c").await;
    assert_eq!(told.task.unwrap().state(), v1::TaskState::Pending);
    assert!(told.nodes.is_empty(), "it waits for a task, not for a node");
}

#[tokio::test]
async fn a_dispatched_task_says_how_it_was_decided() {
    let dir = tempdir().unwrap();
    let mut weighted = options(dir.path());
    weighted.weights = "cost=5".parse().unwrap();
    let handle = Coordinator::start(weighted.clone()).await.unwrap();
    let mut agents = Vec::new();
    for (name, cost_per_hour_micros) in [("cheap", 1), ("dear", 1_000)] {
        let attributes = v1::NodeAttributes {
            cost_per_hour_micros,
            ..Default::default()
        };
        let join = v1::Join {
            attributes: Some(attributes),
            ..join(name, 4_000)
        };
        agents.push(FakeAgent::join(&handle, join).await.unwrap());
    }
    let mut client = jobs(&handle).await;
    let id = submit_job(&mut client, submit("runs", vec![task("a", &[])])).await;
    let assign = agents[0].assignment().await;
    let told = explain(&mut client, &id, "a").await;
    let decision = told.decision.expect("it was decided just now");
    assert_eq!((decision.attempt, decision.rank), (1, 1));
    assert_eq!((&*decision.policy, &*decision.mode), ("edf", "easy"));
    assert_eq!((&*decision.node, &*decision.runner_up), ("cheap", "dear"));
    assert_eq!(decision.nodes_compared, 2);
    let score = decision.score.unwrap();
    assert!(score.total > decision.runner_up_score.unwrap().total);
    let cost = score.terms.iter().find(|term| term.name == "cost").unwrap();
    assert_eq!((cost.value, cost.weight), (1_000, 5_000));
    assert!(told.nodes.is_empty(), "it waits for none");
    agents[0].started(&assign).await;
    let quick = submit_job(&mut client, submit("ends", vec![task("a", &[])])).await;
    let other = agents[0].assignment().await;
    agents[0].finished(&other, v1::Outcome::Succeeded).await;
    ended(&mut client, &quick).await;
    let told = explain(&mut client, &quick, "a").await;
    let decision = told.decision.expect("it was decided lately");
    assert_eq!(decision.nodes_compared, 2, "the job has ended since");
    handle.shutdown().await.unwrap();

    // The details were memory only; the record of the attempt is not.
    let again = Coordinator::start(weighted).await.unwrap();
    let mut client = jobs(&again).await;
    let told = explain(&mut client, &quick, "").await;
    assert_eq!(told.task.unwrap().state(), v1::TaskState::Succeeded);
    let told = told.decision.expect("it is in the record");
    let short = |score: Option<v1::Score>| score.map(|score| (score.total, score.terms.len()));
    assert_eq!((&*told.policy, &*told.mode), ("edf", "easy"));
    assert_eq!((told.rank, &*told.node), (1, "cheap"));
    assert_eq!(told.time, decision.time);
    let totals = [&told.score, &told.runner_up_score].map(|score| short(score.clone()));
    let before = [&decision.score, &decision.runner_up_score];
    let before = before.map(|score| score.as_ref().map(|score| (score.total, 0)));
    assert_eq!(totals, before);
    let told = explain(&mut client, &id, "a").await;
    assert_eq!(told.decision.unwrap().nodes_compared, 0);
    assert!(told.nodes.is_empty());
}

#[tokio::test]
async fn what_is_not_there_cannot_be_explained() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let mut client = jobs(&handle).await;
    let id = submit_job(&mut client, submit("waits", vec![task("a", &[])])).await;
    for (job_id, task, code, reason) in [
        ("no id", "", Code::InvalidArgument, "INVALID_ARGUMENT"),
        (
            "0190a000-0000-7000-8000-000000000000",
            "",
            Code::NotFound,
            "JOB_NOT_FOUND",
        ),
        (&*id, "zzz", Code::NotFound, "TASK_NOT_FOUND"),
    ] {
        let request = v1::ExplainRequest {
            job_id: job_id.to_owned(),
            task: task.to_owned(),
        };
        let refused = client.explain(request).await.unwrap_err();
        assert_eq!(refused.code(), code);
        assert_eq!(refusal(&refused).0, reason);
    }
}

#[tokio::test]
async fn what_could_never_start_is_refused_where_that_is_wanted() {
    let dir = tempdir().unwrap();
    let mut strict = options(dir.path());
    strict.refuse_impossible = true;
    let handle = Coordinator::start(strict).await.unwrap();
    let _agent = FakeAgent::join(&handle, join("n1", 4_000)).await.unwrap();
    let mut client = jobs(&handle).await;
    let large = || submit("large", vec![with_cpu(task("a", &[]), 64_000)]);
    let refused = client.submit(large()).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(refusal(&refused).0, "IMPOSSIBLE");
    assert_eq!(
        refused.message(),
        "task `a` of job `large` could never start on the nodes that have joined: no node has 64 cpu: the largest has 4"
    );
    let list = client.list(v1::ListJobsRequest::default()).await.unwrap();
    assert!(list.into_inner().jobs.is_empty());
    handle.shutdown().await.unwrap();

    let handle = start(dir.path()).await;
    let mut client = jobs(&handle).await;
    submit_job(&mut client, large()).await;
}

/// A whole node at a unit of money and a kilowatt, of which the task takes a half.
#[tokio::test]
async fn cost_and_energy_grow_with_the_time_and_stay() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let priced = v1::Join {
        attributes: Some(v1::NodeAttributes {
            cost_per_hour_micros: 3_600_000_000_000,
            power_watts: 1_000_000,
            ..Default::default()
        }),
        ..join("n1", 2_000)
    };
    let mut agent = FakeAgent::join(&handle, priced).await.unwrap();
    let mut client = jobs(&handle).await;
    let request = submit("costs", vec![with_cpu(task("a", &[]), 1_000)]);
    let id = submit_job(&mut client, request).await;
    let assign = agent.assignment().await;
    agent.started(&assign).await;
    soon("a cost", async {
        while get(&mut client, &id).await.energy_joules == 0 {}
    })
    .await;
    let in_the_future = 4_102_444_800_000;
    let outcome = v1::Outcome::Succeeded;
    agent.finished_at(&assign, outcome, in_the_future).await;
    let job = ended(&mut client, &id).await;
    let attempt = &job.tasks[0].attempts[0];
    assert_eq!(
        (job.cost_micros, job.energy_joules),
        (attempt.cost_micros, attempt.energy_joules)
    );
    let end = time::to_model(attempt.end_time.as_ref().unwrap()).unwrap();
    let assigned = time::to_model(attempt.assign_time.as_ref().unwrap()).unwrap();
    let held_ms = u64::try_from(end.0 - assigned.0).unwrap();
    assert!(held_ms > 0);
    assert_eq!(
        job.cost_micros,
        held_ms * 500_000,
        "a million micros a ms, halved"
    );
    assert_eq!(job.energy_joules, held_ms * 500);
    handle.shutdown().await.unwrap();
    let again = start(dir.path()).await;
    let job_again = get(&mut jobs(&again).await, &id).await;
    assert_eq!(job_again.cost_micros, job.cost_micros);
}
