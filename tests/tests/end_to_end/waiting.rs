//! Tasks that wait say why, and do not stand in the way of others.

use drover_proto::v1::{JobState, TaskState};
use drover_tests::Settings;

const NEVER: &str = "name: never\npriority: urgent\ndeadline: 1s\ntasks:\n  \
    a: {command: [\"true\"], resources: {cpu: 512}}\n  b: {needs: [a], command: [\"true\"]}\n";
const SMALL: &str = "name: small\ntasks:\n  a: {command: [\"true\"]}\n";

async fn says_why_and_is_passed(mode: &str) {
    let settings = Settings::agents(2).coordinator(["--dispatch", mode]);
    let mut cluster = settings.on_sqlite().await;
    let id = cluster.submit(NEVER).await;
    cluster.write("small.yaml", SMALL);
    cluster
        .run(["submit", "small.yaml", "--wait"])
        .await
        .succeeded();
    let why = "waits: no node has 512 cpu: the largest has 4";
    let shown = cluster.run(["job", "show", &id]).await.succeeded();
    assert!(shown.contains(why), "{shown}");
    assert!(shown.contains("waits: waits for task `a`"), "{shown}");

    cluster.crash_coordinator().await;
    cluster
        .run(["submit", "small.yaml", "--wait"])
        .await
        .succeeded();
    let job = cluster.job(&id).await;
    assert_eq!(job.state(), JobState::Queued);
    assert_eq!(job.tasks[0].state(), TaskState::Queued);
    assert!(why.ends_with(&job.tasks[0].pending_reason), "{job:?}");

    cluster.run(["job", "cancel", &id]).await.succeeded();
    cluster
        .job_when(&id, |job| job.state() == JobState::Cancelled)
        .await;
}

#[tokio::test]
async fn what_fits_no_node_waits_alone_with_reservations() {
    says_why_and_is_passed("easy").await;
}

#[tokio::test]
async fn what_fits_no_node_waits_alone_when_greedy() {
    says_why_and_is_passed("greedy").await;
}

#[tokio::test]
async fn without_agents_everything_waits_for_one() {
    let mut cluster = Settings::agents(0).on_sqlite().await;
    let id = cluster.submit(SMALL).await;
    let shown = cluster.run(["job", "show", &id]).await.succeeded();
    assert!(shown.contains("no agent is connected"), "{shown}");
    cluster.start_agent("late");
    cluster
        .job_when(&id, |job| job.state() == JobState::Succeeded)
        .await;
}
