//! PostgreSQL without a connection to spare: others have them all, or callers have all that they may have.

use drover_proto::v1::{GetJobRequest, GetLogsRequest, JobSpec, SubmitRequest};
use drover_tests::{
    Cluster, Crowd, Database, Load, PostgresServer, Settings, chain, deed, job, simulated,
    status_of, until, within_limit,
};
use tokio::task::JoinSet;
use tonic::{Code, Status};

/// Reads of output that a lock holds up.
const WAITING: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
    AND wait_event_type = 'Lock' AND query ILIKE 'SELECT%'";

fn two_steps(name: &str) -> JobSpec {
    chain(name, vec![deed("a"), simulated("b", 10)])
}

/// What a caller is told that submits a job now, and one that reads the record of another.
async fn refusals(cluster: &Cluster, job_id: String) -> [Status; 2] {
    let (mut submitting, mut reading) = (cluster.jobs().await, cluster.jobs().await);
    let request = SubmitRequest {
        spec: Some(job("refused", vec![simulated("t", 1)])),
        request_id: String::new(),
    };
    let both = async {
        tokio::join!(
            submitting.submit(request),
            reading.get(GetJobRequest { job_id })
        )
    };
    let (submitted, read) = within_limit("both to be refused", both).await;
    [
        submitted.expect_err("it cannot be stored"),
        read.expect_err("it cannot be read"),
    ]
}

#[tokio::test]
async fn others_have_every_connection_of_the_server() {
    const CONNECTIONS: u32 = 24;
    let Some(server) = PostgresServer::with_connections(CONNECTIONS).await else {
        return;
    };
    let database = Database::on_server(&server).await;
    let mut cluster = Settings::agents(2).fast().on(database).await;
    let before = cluster.submit_spec(two_steps("before")).await;
    let load = Load::start(&cluster, 3, two_steps);
    load.goes_on(20).await;
    let crowd = Crowd::gather(&server, cluster.database()).await;
    let address = cluster.address();
    until("the leader to step down", async || {
        let status = status_of(address).await?;
        (!status.leading).then_some(())
    })
    .await;
    for status in refusals(&cluster, before.clone()).await {
        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    }
    drop(crowd);
    let waited = load.goes_on(1).await;
    eprintln!("jobs are accepted again {waited:?} after the others have gone");
    load.goes_on(20).await;
    let mut submitted = load.stop().await;
    submitted.insert(before);
    assert_eq!(cluster.coordinator().try_wait(), None);
    let counters = cluster.status().await.counters;
    eprintln!("{counters:?}");
    assert!(counters["reloads"] >= 1, "{counters:?}");
    assert_eq!(counters["lost_nodes"], 0, "{counters:?}");
    cluster.audit_deeds(&submitted).await;
}

/// Those who read records have connections of their own: when all of them hang, work goes on.
#[tokio::test]
async fn callers_have_all_their_connections_and_wait() {
    const THEIRS: i64 = 8;
    const READERS: usize = 20;
    let Some(cluster) = Settings::agents(2).fast().on_postgres().await else {
        return;
    };
    let id = cluster.submit_spec(job("read", vec![deed("a")])).await;
    cluster.job_when(&id, |job| job.end_time.is_some()).await;
    let load = Load::start(&cluster, 3, two_steps);
    load.goes_on(10).await;
    let lock = cluster.database().lock("log_chunks").await;
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        let mut jobs = cluster.jobs().await;
        let request = GetLogsRequest {
            job_id: id.clone(),
            ..GetLogsRequest::default()
        };
        readers.spawn(async move { jobs.get_logs(request).await?.into_inner().message().await });
    }
    let waiting = async || cluster.database().number(WAITING).await;
    until("callers to wait with all their connections", async || {
        (waiting().await >= THEIRS).then_some(())
    })
    .await;
    load.goes_on(20).await;
    assert!(waiting().await >= THEIRS, "work goes on meanwhile");
    // Some had a connection and were answered nothing, the rest had none.
    let told = within_limit("the readers", readers.join_all()).await;
    for outcome in told {
        let status = outcome.expect_err("nobody can read now");
        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    }
    load.goes_on(10).await;
    drop(lock);
    cluster.run(["job", "logs", &id]).await.succeeded();
    load.goes_on(10).await;
    let mut submitted = load.stop().await;
    submitted.insert(id);
    let counters = cluster.status().await.counters;
    for none in ["reloads", "lost_nodes", "lost_attempts", "unknown_commits"] {
        assert_eq!(counters[none], 0, "{none} in {counters:?}");
    }
    cluster.audit_deeds(&submitted).await;
}
