//! An event that the database refuses costs its own job only.

use std::collections::BTreeSet;

use drover_proto::v1::{JobSpec, JobState, SubmitRequest};
use drover_tests::{Cluster, Fifo, Load, Settings, chain, deed, job, script, simulated};
use tonic::Code;

fn two_steps(name: &str) -> JobSpec {
    chain(name, vec![deed("a"), simulated("b", 10)])
}

/// Plants a refusal: of the success of a job's attempts.
fn of_success(cluster: &Cluster, job: &str) -> String {
    if cluster.database().is_postgres() {
        format!(
            "CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN RAISE EXCEPTION 'poison'; END $$;
             CREATE TRIGGER poison BEFORE UPDATE ON attempts FOR EACH ROW
             WHEN (new.job_id = '{job}' AND new.state = 'succeeded') EXECUTE FUNCTION poison()"
        )
    } else {
        let id = job.replace('-', "");
        format!(
            "CREATE TRIGGER poison BEFORE UPDATE ON attempts
             WHEN new.job_id = x'{id}' AND new.state = 'succeeded'
             BEGIN SELECT raise(ABORT, 'poison'); END"
        )
    }
}

/// Plants a refusal: of jobs with this name.
fn of_job(cluster: &Cluster, name: &str) -> String {
    if cluster.database().is_postgres() {
        format!("ALTER TABLE jobs ADD CONSTRAINT poison CHECK (name <> '{name}')")
    } else {
        format!(
            "CREATE TRIGGER poison_job BEFORE INSERT ON jobs WHEN new.name = '{name}'
             BEGIN SELECT raise(ABORT, 'poison'); END"
        )
    }
}

#[tokio::test]
async fn a_report_that_cannot_be_stored_on_sqlite() {
    is_poisoned(Settings::agents(2).fast().on_sqlite().await).await;
}

#[tokio::test]
async fn a_report_that_cannot_be_stored_on_postgres() {
    if let Some(cluster) = Settings::agents(2).fast().on_postgres().await {
        is_poisoned(cluster).await;
    }
}

async fn is_poisoned(mut cluster: Cluster) {
    let gate = Fifo::gate(cluster.directory(), "gate");
    let victim = chain(
        "victim",
        vec![script("t", "read line < gate"), deed("after")],
    );
    let victim = cluster.submit_spec(victim).await;
    cluster
        .job_when(&victim, |job| job.state() == JobState::Running)
        .await;
    let planted = of_success(&cluster, &victim);
    cluster.database().execute(&planted).await;
    let load = Load::start(&cluster, 3, two_steps);
    load.goes_on(10).await;
    Fifo::release(&gate).await;
    let dead = cluster
        .job_when(&victim, |job| job.state() == JobState::Failed)
        .await;
    assert!(dead.message.contains("the store refused"), "{dead:?}");
    load.goes_on(20).await;
    let mut submitted = load.stop().await;
    assert_eq!(cluster.coordinator().try_wait(), None, "the same process");
    let listed = cluster.run(["dead-letter", "list"]).await.succeeded();
    assert!(
        listed.contains(&victim) && listed.contains("the store refused"),
        "{listed}"
    );
    assert_eq!(listed.lines().count(), 2, "nobody else: {listed}");
    let counters = cluster.status().await.counters;
    assert_eq!(counters["parked_jobs"], 1, "{counters:?}");
    assert!(counters["poison_events"] >= 1, "{counters:?}");
    submitted.insert(victim.clone());
    let audited = cluster.audit_deeds(&submitted).await;
    for job in audited.jobs.iter().filter(|job| job.id != victim) {
        assert_eq!(job.state(), JobState::Succeeded, "{job:?}");
    }
}

#[tokio::test]
async fn a_job_that_cannot_be_stored_on_sqlite() {
    is_refused(Settings::agents(2).fast().on_sqlite().await).await;
}

#[tokio::test]
async fn a_job_that_cannot_be_stored_on_postgres() {
    if let Some(cluster) = Settings::agents(2).fast().on_postgres().await {
        is_refused(cluster).await;
    }
}

/// Its caller hears INTERNAL; until it is known whose fault it is, UNAVAILABLE.
async fn is_refused(mut cluster: Cluster) {
    let planted = of_job(&cluster, "poison");
    cluster.database().execute(&planted).await;
    let load = Load::start(&cluster, 3, two_steps);
    load.goes_on(10).await;
    let request = SubmitRequest {
        spec: Some(job("poison", vec![simulated("t", 1)])),
        request_id: "poison".to_owned(),
    };
    let mut jobs = cluster.jobs().await;
    let heard = drover_tests::until("the caller to hear that it is at fault", async || {
        let refused = jobs.submit(request.clone()).await;
        let status = refused.expect_err("it cannot be stored");
        match status.code() {
            Code::Unavailable => None,
            code => Some(code),
        }
    })
    .await;
    assert_eq!(heard, Code::Internal);
    load.goes_on(20).await;
    let submitted: BTreeSet<String> = load.stop().await;
    assert_eq!(cluster.coordinator().try_wait(), None, "the same process");
    let counters = cluster.status().await.counters;
    assert_eq!(counters["parked_jobs"], 0, "{counters:?}");
    assert!(counters["poison_events"] >= 1, "{counters:?}");
    let audited = cluster.audit_deeds(&submitted).await;
    for job in &audited.jobs {
        assert_eq!(job.state(), JobState::Succeeded, "{job:?}");
    }
}
