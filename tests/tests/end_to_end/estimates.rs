//! What is learned from what ran.

use drover_proto::v1::JobState;
use drover_tests::Settings;

const SHORT: &str = "name: short\ntasks:\n  again: {command: ['true']}\n";

/// The same work, for a node that there is not.
const WAITING: &str = "name: waiting\ntasks:\n  again: {command: ['true'], constraints: {require: class == gpu}}\n  \
    other: {command: ['false'], estimate: 90s, constraints: {require: class == gpu}}\n";

#[tokio::test]
async fn what_ran_before_says_how_long_it_will_take_and_how_fast_nodes_are() {
    let cluster = Settings::agents(1).on_sqlite().await;
    let none = cluster.run(["node", "speeds"]).await.succeeded();
    assert_eq!(none, "no attempt has succeeded yet\n");
    for _ in 0..6 {
        let id = cluster.submit(SHORT).await;
        cluster
            .job_when(&id, |job| job.state() == JobState::Succeeded)
            .await;
    }
    let id = cluster.submit(WAITING).await;
    let shown = cluster.run(["job", "show", &id]).await.succeeded();
    let expected = "nine times in ten, from 6 runs of the same\n";
    assert!(shown.contains(expected), "{shown}");
    let said = "expected: 1 m 30 s, as the job says\n";
    assert!(shown.contains(said), "{shown}");

    let speeds = cluster.run(["node", "speeds"]).await.succeeded();
    assert!(speeds.contains("\nn1    1.00   5\n"), "{speeds}");
    let tried = "Learned from the oldest 5 and tried on 1 that ended later.";
    assert!(speeds.contains(tried), "{speeds}");
    let few = cluster.run(["node", "speeds", "--attempts", "3"]).await;
    let few = few.succeeded();
    assert!(few.contains("there are too few later ones"), "{few}");
    let none = cluster.run(["node", "speeds", "--attempts", "0"]).await;
    none.failed_with(2);
}
