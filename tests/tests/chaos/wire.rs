//! The connection between coordinator and PostgreSQL: cut in the middle of a commit, slow, or silent.

use std::time::Duration;

use drover_proto::v1::{GetJobRequest, JobSpec, SubmitRequest};
use drover_tests::{Cluster, Fault, Load, Settings, Weather, chain, deed, job, simulated, until};
use tonic::Code;

fn two_steps(name: &str) -> JobSpec {
    chain(name, vec![deed("a"), simulated("b", 10)])
}

async fn proxied() -> Option<Cluster> {
    Settings::agents(2).fast().proxied().on_postgres().await
}

#[tokio::test]
async fn connections_are_cut_before_and_after_commits() {
    const CUTS: u64 = 8;
    let Some(cluster) = proxied().await else {
        return;
    };
    let load = Load::start(&cluster, 3, two_steps);
    for _ in 0..CUTS {
        for fault in [Fault::CutAfter, Fault::CutBefore] {
            load.goes_on(3).await;
            cluster.proxy(0).strike(fault).await;
        }
    }
    load.goes_on(3).await;
    let submitted = load.stop().await;
    let audited = cluster.audit_deeds(&submitted).await;
    let counters = cluster.status().await.counters;
    assert_eq!(
        counters["leaderships"], 1,
        "nothing is loaded again: {counters:?}"
    );
    assert_eq!(counters["reloads"], 0, "{counters:?}");
    assert_eq!(counters["unknown_commits"], 2 * CUTS, "{counters:?}");
    // Those that had happened are not sent again.
    assert_eq!(counters["commits_sent_again"], CUTS, "{counters:?}");
    let lost = audited.attempts.iter().filter(|one| one.state == "lost");
    assert_eq!(lost.count(), 0);
}

#[tokio::test]
async fn slow_commits_lose_nothing() {
    let Some(cluster) = proxied().await else {
        return;
    };
    let load = Load::start(&cluster, 3, two_steps);
    load.goes_on(10).await;
    cluster
        .proxy(0)
        .turn(Weather::SlowCommits(Duration::from_millis(300)));
    load.goes_on(30).await;
    cluster.proxy(0).turn(Weather::Clear);
    load.goes_on(10).await;
    let submitted = load.stop().await;
    let counters = cluster.status().await.counters;
    for none in ["reloads", "lost_nodes", "lost_attempts", "unknown_commits"] {
        assert_eq!(counters[none], 0, "{none} in {counters:?}");
    }
    cluster.audit_deeds(&submitted).await;
}

/// The leader steps down, says so to whoever waits, and goes on when the database answers again.
#[tokio::test]
async fn a_database_that_is_silent_for_longer_than_the_lease() {
    let Some(mut cluster) = proxied().await else {
        return;
    };
    let load = Load::start(&cluster, 3, two_steps);
    load.goes_on(10).await;
    cluster.proxy(0).turn(Weather::Silent);
    let request = SubmitRequest {
        spec: Some(job("caller", vec![simulated("t", 1)])),
        request_id: "caller".to_owned(),
    };
    let mut jobs = cluster.jobs().await;
    let refused = jobs
        .submit(request.clone())
        .await
        .expect_err("nobody can store it");
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    cluster.coordinator().said("the lease has run out").await;
    cluster.proxy(0).turn(Weather::Clear);
    let waited = load.goes_on(10).await;
    eprintln!("jobs are accepted again after {waited:?}");
    let accepted = until("the same submit to be accepted", async || {
        jobs.submit(request.clone()).await.ok()
    })
    .await;
    let mut submitted = load.stop().await;
    submitted.insert(accepted.into_inner().job_id);
    let counters = cluster.status().await.counters;
    assert!(counters["reloads"] >= 1, "{counters:?}");
    assert_eq!(cluster.coordinator().try_wait(), None);
    cluster.audit_deeds(&submitted).await;
}

/// As when the pool is exhausted: readers hear UNAVAILABLE, and nothing that commits is held up.
#[tokio::test]
async fn reads_that_get_no_answer_hold_up_no_commit() {
    let Some(cluster) = proxied().await else {
        return;
    };
    let id = cluster
        .submit_spec(job("long", vec![simulated("t", 4_000)]))
        .await;
    let mut jobs = cluster.jobs().await;
    cluster.proxy(0).turn(Weather::OnlyCommits);
    let reads = (0..40).map(|_| {
        let request = GetJobRequest { job_id: id.clone() };
        let mut jobs = jobs.clone();
        tokio::spawn(async move { jobs.get(request).await })
    });
    let reads: Vec<_> = reads.collect();
    let mut accepted = Vec::new();
    for number in 0..10 {
        let request = SubmitRequest {
            spec: Some(two_steps(&format!("free-{number}"))),
            request_id: String::new(),
        };
        let answer = jobs.submit(request).await.expect("commits go on");
        accepted.push(answer.into_inner().job_id);
    }
    for read in reads {
        let refused = read.await.expect("no panic").expect_err("no answer");
        assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    }
    let counters = cluster.status().await.counters;
    assert_eq!(
        (counters["reloads"], counters["lost_nodes"]),
        (0, 0),
        "{counters:?}"
    );
    cluster.proxy(0).turn(Weather::Clear);
    accepted.push(id);
    cluster.audit_deeds(&accepted.into_iter().collect()).await;
}
