//! Far more submits than can be taken.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use drover_proto::v1::{SubmitRequest, job_service_client::JobServiceClient};
use drover_tests::{Cluster, Settings, job, simulated, within_limit};
use tokio::{task::JoinSet, time::Instant};
use tonic::{Code, transport::Channel};

/// Seconds of overload; DROVER_OVERLOAD_SECONDS says how many else.
const SECONDS: u64 = 3;
/// Requests that the coordinator lets wait here, and ten times as many callers who never pause.
const WAITING: &str = "50";
const CALLERS: usize = 500;
const CONNECTIONS: usize = 4;

fn seconds() -> u64 {
    match std::env::var("DROVER_OVERLOAD_SECONDS") {
        Ok(text) => text.parse().expect("DROVER_OVERLOAD_SECONDS is a number"),
        Err(_) => SECONDS,
    }
}

#[tokio::test]
async fn ten_times_too_many_submits_on_sqlite() {
    let settings = Settings::agents(2)
        .fast()
        .coordinator(["--max-waiting-requests", WAITING]);
    is_overloaded(settings.on_sqlite().await).await;
}

#[tokio::test]
async fn ten_times_too_many_submits_on_postgres() {
    let settings = Settings::agents(2)
        .fast()
        .coordinator(["--max-waiting-requests", WAITING]);
    if let Some(cluster) = settings.on_postgres().await {
        is_overloaded(cluster).await;
    }
}

async fn is_overloaded(mut cluster: Cluster) {
    let end = Instant::now() + Duration::from_secs(seconds());
    let shed = Arc::new(AtomicU64::new(0));
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(cluster.jobs().await);
    }
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
        let jobs = clients[number % CONNECTIONS].clone();
        callers.spawn(call(jobs, end, Arc::clone(&shed)));
    }
    let accepted = within_limit("the callers", callers.join_all()).await;
    let submitted: BTreeSet<String> = accepted.into_iter().flatten().collect();
    let shed = shed.load(Ordering::SeqCst);
    eprintln!(
        "{} submits acknowledged, {shed} shed in {} s",
        submitted.len(),
        seconds()
    );
    assert!(!submitted.is_empty() && shed > 0);
    let counters = cluster.status().await.counters;
    assert_eq!(counters["shed_requests"], shed, "{counters:?}");
    for none in [
        "lost_nodes",
        "lost_attempts",
        "reloads",
        "sessions_timed_out",
    ] {
        assert_eq!(counters[none], 0, "{none} in {counters:?}");
    }
    assert_eq!(cluster.coordinator().try_wait(), None);
    cluster.audit(&submitted).await;
}

/// The ids of the jobs that were acknowledged. Whoever is sent away comes back at once.
async fn call(
    mut jobs: JobServiceClient<Channel>,
    end: Instant,
    shed: Arc<AtomicU64>,
) -> Vec<String> {
    let mut acknowledged = Vec::new();
    while Instant::now() < end {
        let request = SubmitRequest {
            spec: Some(job("overload", vec![simulated("t", 1)])),
            request_id: String::new(),
        };
        match jobs.submit(request).await {
            Ok(answer) => acknowledged.push(answer.into_inner().job_id),
            Err(status) => {
                assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
                shed.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
    acknowledged
}
