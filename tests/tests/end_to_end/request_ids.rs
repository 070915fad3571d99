//! A request id makes a submit safe to repeat, also after the coordinator was killed.

use std::collections::BTreeSet;

use drover_proto::v1::{JobState, SubmitRequest};
use drover_tests::{Answer, Cluster, Random, Settings, until, within_limit};
use tokio::task::JoinSet;
use tonic::Code;

const CLIENTS: usize = 24;
/// Exit code of a client that reaches no coordinator.
const NOT_REACHED: i32 = 3;

const JOB: &str = "name: once\ntasks:\n  a: {command: [\"true\"]}\n";

#[tokio::test]
async fn the_id_of_a_job_that_ended_before_a_restart_on_sqlite() {
    returns_the_job(Settings::agents(1).on_sqlite().await).await;
}

#[tokio::test]
async fn the_id_of_a_job_that_ended_before_a_restart_on_postgres() {
    if let Some(cluster) = Settings::agents(1).on_postgres().await {
        returns_the_job(cluster).await;
    }
}

async fn returns_the_job(mut cluster: Cluster) {
    cluster.write("job.yaml", JOB);
    let submit = ["submit", "job.yaml", "--request-id", "night-1"];
    let id = cluster.run(submit).await.succeeded();
    let job = cluster
        .job_when(id.trim(), |job| job.state() == JobState::Succeeded)
        .await;
    cluster.crash_coordinator().await;

    assert_eq!(cluster.run(submit).await.succeeded(), id);
    let spec = job.spec.clone().expect("a spec");
    let request = SubmitRequest {
        spec: Some(spec.clone()),
        request_id: "night-1".to_owned(),
    };
    let mut jobs = cluster.jobs().await;
    let answer = jobs
        .submit(request.clone())
        .await
        .expect("accepted")
        .into_inner();
    assert_eq!(
        (answer.job_id.as_str(), answer.duplicate),
        (id.trim(), true)
    );

    let mut other = request.clone();
    other.spec.as_mut().expect("a spec").priority = Some(90);
    let status = jobs.submit(other).await.expect_err("another job");
    assert_eq!(status.code(), Code::AlreadyExists);
    assert!(status.message().contains(id.trim()), "{status}");

    // Another namespace has ids of its own.
    let mut elsewhere = request;
    elsewhere.spec.as_mut().expect("a spec").namespace = "elsewhere".to_owned();
    let answer = jobs.submit(elsewhere).await.expect("accepted").into_inner();
    assert!(
        answer.job_id != id.trim() && !answer.duplicate,
        "{answer:?}"
    );
    let [only] = cluster.all_jobs().await.try_into().expect("one job");
    assert_eq!(only.id, job.id);
    assert_eq!(
        cluster.job(&only.id).await,
        job,
        "nothing about it has changed"
    );
}

#[tokio::test]
async fn repeated_submits_across_kills_make_each_job_once() {
    let mut random = Random::seeded();
    let mut cluster = Settings::agents(1).on_sqlite().await;
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let name = format!("job-{number}");
        cluster.write(&format!("{name}.yaml"), &JOB.replace("once", &name));
        let client = submit_until_accepted(&cluster, &name);
        clients.spawn(client);
    }
    for accepted in [1, 2, 3].map(|third| third * CLIENTS / 4 + random.below(CLIENTS / 4)) {
        until("jobs to be accepted", async || {
            (cluster.all_jobs().await.len() >= accepted).then_some(())
        })
        .await;
        cluster.crash_coordinator().await;
    }
    let ids: BTreeSet<String> = within_limit("the clients", clients.join_all())
        .await
        .into_iter()
        .collect();
    assert_eq!(ids.len(), CLIENTS);
    let jobs = cluster.all_jobs().await;
    let stored: BTreeSet<String> = jobs.iter().map(|job| job.id.clone()).collect();
    assert_eq!(stored, ids);
    assert_eq!(jobs.len(), CLIENTS, "each is there once");
}

/// What a person would do: the same command again while nobody answers.
fn submit_until_accepted(cluster: &Cluster, name: &str) -> impl Future<Output = String> + use<> {
    let file = format!("{name}.yaml");
    let command = cluster.client(["submit", &file, "--request-id", name]);
    let mut command = tokio::process::Command::from(command);
    async move {
        loop {
            let output = command.output().await.expect("it starts");
            let answer = Answer::from(output);
            if answer.code() != Some(NOT_REACHED) {
                return answer.succeeded().trim().to_owned();
            }
        }
    }
}
