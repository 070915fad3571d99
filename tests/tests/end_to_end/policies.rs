//! Another policy by the command line, while jobs run.

use drover_proto::v1::JobState;
use drover_tests::{Cluster, Settings};

const JOB: &str = "name: j\ntasks:\n  a: {command: [\"true\"]}\n";

async fn said<const N: usize>(cluster: &Cluster, words: [&str; N]) -> String {
    cluster.run(words).await.succeeded()
}

async fn switches_and_survives(mut cluster: Cluster) {
    let first = cluster.submit(JOB).await;
    let used = said(&cluster, ["policy", "use", "fifo", "--reason", "a test"]).await;
    assert_eq!(used, "fifo is in use, instead of edf\n");
    let again = said(&cluster, ["policy", "use", "fifo"]).await;
    assert_eq!(again, "fifo was in use already\n");
    cluster.crash_coordinator().await;
    let status = said(&cluster, ["status"]).await;
    assert!(status.contains("Policy       fifo\n"), "{status}");
    let second = cluster.submit(JOB).await;
    for id in [&first, &second] {
        cluster
            .job_when(id, |job| job.state() == JobState::Succeeded)
            .await;
    }
    let explained = said(&cluster, ["job", "explain", &second]).await;
    assert!(explained.contains("fifo"), "{explained}");
    said(&cluster, ["policy", "rollback"]).await;
    let history = said(&cluster, ["policy", "history"]).await;
    let kinds: Vec<&str> = history.lines().skip(1).map(kind).collect();
    assert_eq!(kinds, ["roll back", "use"], "{history}");
    let listed = said(&cluster, ["policy", "list"]).await;
    assert!(listed.contains("In use: edf\n"), "{listed}");
    let shown = said(&cluster, ["policy", "show", "fifo"]).await;
    assert!(shown.contains("State       retired\n"), "{shown}");
}

/// The second column of the history.
fn kind(line: &str) -> &str {
    let columns: Vec<&str> = line
        .split("  ")
        .filter(|column| !column.is_empty())
        .collect();
    columns[1].trim()
}

#[tokio::test]
async fn a_policy_is_switched_on_sqlite() {
    switches_and_survives(Settings::agents(1).fast().on_sqlite().await).await;
}

#[tokio::test]
async fn a_policy_is_switched_on_postgres() {
    if let Some(cluster) = Settings::agents(1).fast().on_postgres().await {
        switches_and_survives(cluster).await;
    }
}

#[tokio::test]
async fn weights_that_are_not_whole_are_refused_with_the_reason() {
    let cluster = Settings::agents(0).on_sqlite().await;
    let file = cluster.directory().join("weights");
    std::fs::write(&file, "not weights").expect("writes");
    let words = ["policy", "import", file.to_str().expect("a path")];
    let refused = cluster.run(words).await.failed_with(1);
    assert!(
        refused.contains("not a complete safetensors file"),
        "{refused}"
    );
}
