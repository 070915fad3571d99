//! PostgreSQL that is stopped, or ends connections.

use std::time::Duration;

use drover_proto::v1::JobSpec;
use drover_tests::{
    Cluster, Database, Load, PostgresServer, Settings, Shutdown, chain, deed, simulated,
};

const TERMINATE: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
    WHERE datname = current_database() AND pid <> pg_backend_pid()";

fn two_steps(name: &str) -> JobSpec {
    chain(name, vec![deed("a"), simulated("b", 10)])
}

/// The coordinator is still the same process, and the nodes were never lost.
async fn lived_through(cluster: &mut Cluster) {
    assert_eq!(cluster.coordinator().try_wait(), None);
    assert_eq!(cluster.counter("lost_nodes").await, 0);
}

#[tokio::test]
async fn postgres_is_restarted() {
    let Some(server) = PostgresServer::start() else {
        return;
    };
    let database = Database::on_server(&server).await;
    let mut cluster = Settings::agents(2).fast().on(database).await;
    let load = Load::start(&cluster, 3, two_steps);
    for shutdown in [Shutdown::Fast, Shutdown::Immediate, Shutdown::Fast] {
        load.goes_on(20).await;
        server.restart(shutdown).await;
        let waited = load.goes_on(1).await;
        eprintln!("{shutdown:?}: jobs are accepted again {waited:?} after the restart");
    }
    load.goes_on(20).await;
    let submitted = load.stop().await;
    lived_through(&mut cluster).await;
    let counters = cluster.status().await.counters;
    eprintln!("{counters:?}");
    assert!(counters["unknown_commits"] >= 1, "{counters:?}");
    cluster.audit_deeds(&submitted).await;
}

#[tokio::test]
async fn backends_are_terminated_again_and_again() {
    let Some(mut cluster) = Settings::agents(2).fast().on_postgres().await else {
        return;
    };
    let load = Load::start(&cluster, 3, two_steps);
    for _ in 0..15 {
        load.goes_on(5).await;
        cluster.database().execute(TERMINATE).await;
    }
    let waited = load.goes_on(5).await;
    assert!(waited < Duration::from_secs(10), "{waited:?}");
    let submitted = load.stop().await;
    lived_through(&mut cluster).await;
    let counters = cluster.status().await.counters;
    assert_eq!(
        counters["leaderships"], 1,
        "nothing is loaded again: {counters:?}"
    );
    assert!(counters["unknown_commits"] >= 1, "{counters:?}");
    cluster.audit_deeds(&submitted).await;
}
