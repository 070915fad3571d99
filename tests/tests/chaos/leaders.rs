//! Several coordinators on one PostgreSQL database: one leads, whatever happens to it.

use std::{collections::BTreeSet, time::Duration};

use drover_proto::v1::{JobSpec, JobState, SubmitBatchRequest, SubmitRequest};
use drover_tests::{
    Cluster, Fault, Load, Settings, Weather, chain, deed, job, simulated, status_of, until,
};
use nix::sys::signal::Signal;
use tokio::time::Instant;

/// What the issue asks for when a leader dies.
const FAILOVER: Duration = Duration::from_secs(5);

fn two_steps(name: &str) -> JobSpec {
    chain(name, vec![deed("a"), simulated("b", 10)])
}

async fn three(settings: Settings) -> Option<Cluster> {
    settings.coordinators(3).on_postgres().await
}

/// Waits until another one leads.
async fn another_leads(cluster: &Cluster, than: usize) -> usize {
    let addresses = cluster.addresses();
    until("another to lead", async || {
        for (place, address) in addresses.iter().enumerate() {
            let status = status_of(*address).await;
            if place != than && status.is_some_and(|status| status.leading) {
                return Some(place);
            }
        }
        None
    })
    .await
}

/// Waits until that one says who leads now, and that it is not itself.
async fn stands_by(cluster: &Cluster, place: usize) {
    let addresses = cluster.addresses();
    until("the old leader to stand by", async || {
        let status = status_of(addresses[place]).await?;
        let leader = addresses
            .iter()
            .position(|one| one.url() == status.leader_address);
        (!status.leading && leader.is_some_and(|leader| leader != place)).then_some(())
    })
    .await;
}

/// Waits until a job that was submitted after the kill has run, and tells how long that took.
async fn work_goes_on(cluster: &Cluster, load: &Load, clients: usize, since: Instant) -> Duration {
    // What each client was about to hear of at the kill may have run before it.
    let enough = load.accepted() + clients + 1;
    until("a new job to run", async || {
        (cluster.read("deeds").lines().count() >= enough).then_some(())
    })
    .await;
    since.elapsed()
}

#[tokio::test]
async fn the_leader_is_killed() {
    const CLIENTS: usize = 3;
    let Some(mut cluster) = three(Settings::agents(3)).await else {
        return;
    };
    let load = Load::start(&cluster, CLIENTS, two_steps);
    for left in [2, 1] {
        load.goes_on(20).await;
        let leader = cluster.leader().await;
        let killed = Instant::now();
        cluster.member(leader).kill().await;
        let took = work_goes_on(&cluster, &load, CLIENTS, killed).await;
        eprintln!("with {left} left, new jobs run {took:?} after the kill");
        assert!(took <= FAILOVER, "{took:?}");
    }
    load.goes_on(20).await;
    let submitted = load.stop().await;
    let status = cluster.status().await;
    assert_eq!(status.counters["leaderships"], 1, "of the last one");
    assert_eq!(status.epoch, 3);
    cluster.audit_deeds(&submitted).await;
}

/// It wakes up in the belief that it leads.
#[tokio::test]
async fn the_leader_is_frozen_for_longer_than_its_lease() {
    let Some(mut cluster) = three(Settings::agents(3).fast()).await else {
        return;
    };
    let load = Load::start(&cluster, 3, two_steps);
    for _ in 0..2 {
        load.goes_on(20).await;
        let old = cluster.leader().await;
        cluster.member(old).signal(Signal::SIGSTOP);
        let new = another_leads(&cluster, old).await;
        let epoch = cluster.status().await.epoch;
        load.goes_on(5).await;
        cluster.member(old).signal(Signal::SIGCONT);
        stands_by(&cluster, old).await;
        load.goes_on(5).await;
        assert_eq!(cluster.leader().await, new, "the old one disturbs nobody");
        assert_eq!(cluster.status().await.epoch, epoch);
    }
    let submitted = load.stop().await;
    cluster.audit_deeds(&submitted).await;
}

#[tokio::test]
async fn the_leader_is_frozen_before_its_commit_arrives() {
    is_frozen_in_a_commit(Fault::HoldBefore).await;
}

/// No limit of the server's applies to what waits for its end, which never comes.
#[tokio::test]
async fn the_leader_is_frozen_before_the_end_of_its_commit_arrives() {
    is_frozen_in_a_commit(Fault::HoldEnd).await;
}

#[tokio::test]
async fn the_leader_is_frozen_before_it_hears_that_its_commit_is_durable() {
    is_frozen_in_a_commit(Fault::HoldAfter).await;
}

/// The commit is on its way, or its answer is, when the leader freezes; it arrives when another leads.
async fn is_frozen_in_a_commit(fault: Fault) {
    let Some(mut cluster) = three(Settings::agents(2).fast().proxied()).await else {
        return;
    };
    let load = Load::start(&cluster, 3, two_steps);
    load.goes_on(10).await;
    let old = cluster.leader().await;
    cluster.proxy(old).strike(fault).await;
    cluster.member(old).signal(Signal::SIGSTOP);
    another_leads(&cluster, old).await;
    load.goes_on(5).await;
    let before = cluster.status().await.epoch;
    cluster.proxy(old).release();
    cluster.member(old).signal(Signal::SIGCONT);
    stands_by(&cluster, old).await;
    load.goes_on(5).await;
    assert_eq!(
        cluster.status().await.epoch,
        before,
        "the old one took nothing"
    );
    let submitted = load.stop().await;
    cluster.audit_deeds(&submitted).await;
    let old = status_of(cluster.addresses()[old]).await.expect("it lives");
    assert_eq!(old.counters["reloads"], 1, "{:?}", old.counters);
}

#[tokio::test]
async fn the_leader_is_cut_off_from_the_database() {
    loses_the_database(Weather::Down).await;
}

#[tokio::test]
async fn the_leader_hears_nothing_of_the_database() {
    loses_the_database(Weather::Silent).await;
}

/// Agents and clients still reach it.
async fn loses_the_database(weather: Weather) {
    let Some(cluster) = three(Settings::agents(3).fast().proxied()).await else {
        return;
    };
    let load = Load::start(&cluster, 3, two_steps);
    load.goes_on(20).await;
    let old = cluster.leader().await;
    let begin = Instant::now();
    cluster.proxy(old).turn(weather);
    let new = another_leads(&cluster, old).await;
    eprintln!("another leads {:?} after the cut", begin.elapsed());
    load.goes_on(20).await;
    let status = status_of(cluster.addresses()[old]).await;
    assert!(
        !status.is_some_and(|status| status.leading),
        "it has stepped down"
    );
    cluster.proxy(old).turn(Weather::Clear);
    stands_by(&cluster, old).await;
    assert_eq!(cluster.leader().await, new);
    let submitted = load.stop().await;
    assert_eq!(cluster.counter("leaderships").await, 1);
    cluster.audit_deeds(&submitted).await;
}

#[tokio::test]
async fn the_leader_resigns() {
    let Some(mut cluster) = three(Settings::agents(2)).await else {
        return;
    };
    let load = Load::start(&cluster, 2, two_steps);
    let mut takeovers = Vec::new();
    for _ in 0..4 {
        load.goes_on(10).await;
        let old = cluster.leader().await;
        let asked = Instant::now();
        cluster.member(old).signal(Signal::SIGTERM);
        another_leads(&cluster, old).await;
        takeovers.push(asked.elapsed());
        assert_eq!(cluster.member(old).end().await.code(), Some(0));
        cluster.restart_member(old);
        let ready = cluster.addresses()[old];
        until("it to be back", async || status_of(ready).await.map(drop)).await;
    }
    // The issue asks for 1 s. The limit is what tells it from waiting for the end of a lease, on a busy machine too.
    eprintln!("another led after {takeovers:?}");
    let longest = takeovers.iter().max().expect("some");
    assert!(*longest < Duration::from_millis(2_500), "{takeovers:?}");
    let submitted = load.stop().await;
    let audited = cluster.audit_deeds(&submitted).await;
    let lost = audited.attempts.iter().filter(|one| one.state == "lost");
    assert_eq!(lost.count(), 0, "nobody noticed");
}

/// Tasks in the queue, in thousands; DROVER_FAILOVER_THOUSANDS says how many else.
fn thousands() -> usize {
    match std::env::var("DROVER_FAILOVER_THOUSANDS") {
        Ok(text) => text.parse().expect("DROVER_FAILOVER_THOUSANDS is a number"),
        Err(_) => 20,
    }
}

/// Beyond this many tasks they are not run and read one by one afterwards.
const AUDITED: usize = 100_000;

#[tokio::test]
async fn the_leader_is_killed_with_a_long_queue() {
    const BATCH: usize = 1_000;
    let batches = thousands();
    let many = ["--cpu", "2000", "--memory", "2000Gi", "--disk", "2000Gi"];
    let Some(mut cluster) = three(Settings::agents(0).agent(many)).await else {
        return;
    };
    let mut jobs = cluster.jobs().await;
    let mut submitted = BTreeSet::new();
    for number in 0..batches {
        let request = SubmitRequest {
            spec: Some(job(&format!("batch-{number}"), vec![simulated("t", 1)])),
            request_id: String::new(),
        };
        let requests = vec![request; BATCH];
        let answer = jobs.submit_batch(SubmitBatchRequest { requests }).await;
        let responses = answer.expect("accepted").into_inner().responses;
        submitted.extend(responses.into_iter().map(|response| response.job_id));
    }
    assert_eq!(submitted.len(), batches * BATCH);
    let old = cluster.leader().await;
    let killed = Instant::now();
    cluster.member(old).kill().await;
    another_leads(&cluster, old).await;
    let status = cluster.status().await;
    eprintln!(
        "another leads, and answers, {:?} after the kill",
        killed.elapsed()
    );
    assert_eq!(status.queued_tasks as usize, submitted.len());
    if submitted.len() > AUDITED {
        return;
    }
    cluster.start_agent("late");
    let audited = cluster.audit(&submitted).await;
    let succeeded = |job: &drover_proto::v1::Job| job.state() == JobState::Succeeded;
    assert!(audited.jobs.iter().all(succeeded));
    assert_eq!(audited.attempts.len(), submitted.len(), "each ran once");
}
