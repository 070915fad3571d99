//! Jobs that failed for good: listed, shown, replayed and purged through the command line, across restarts.

use std::collections::BTreeSet;

use drover_proto::v1::JobState;
use drover_tests::{Cluster, Settings};

/// `b` fails until there is a file `fixed`.
const BREAKS: &str = r#"
name: breaks
tasks:
  a: {shell: true, command: 'echo a >> ran'}
  b:
    needs: [a]
    shell: true
    command: 'echo b >> ran; echo last words; test -e fixed'
    retries: {max: 1, backoff: 10ms}
  c: {needs: [b], shell: true, command: 'echo c >> ran'}
"#;

#[tokio::test]
async fn listed_shown_replayed_and_purged_on_sqlite() {
    lives_as_a_dead_letter(Settings::agents(1).on_sqlite().await).await;
}

#[tokio::test]
async fn listed_shown_replayed_and_purged_on_postgres() {
    if let Some(cluster) = Settings::agents(1).on_postgres().await {
        lives_as_a_dead_letter(cluster).await;
    }
}

async fn listed(cluster: &Cluster) -> String {
    cluster.run(["dead-letter", "list"]).await.succeeded()
}

async fn fails(cluster: &Cluster) -> String {
    let id = cluster.submit(BREAKS).await;
    cluster
        .job_when(&id, |job| job.state() == JobState::Failed)
        .await;
    id
}

async fn lives_as_a_dead_letter(mut cluster: Cluster) {
    let (first, second) = (fails(&cluster).await, fails(&cluster).await);
    let third = fails(&cluster).await;
    cluster.crash_coordinator().await;
    let list = listed(&cluster).await;
    for id in [&first, &second, &third] {
        assert!(list.contains(id), "{list}");
    }
    assert!(list.contains("task `b`"), "{list}");
    // The end of the output may be on its way still.
    cluster
        .run(["job", "logs", &first, "b", "--follow"])
        .await
        .succeeded();
    let shown = cluster
        .run(["dead-letter", "show", &first])
        .await
        .succeeded();
    for part in ["Dead because", "task `b`", "exit", "last words", "replay"] {
        assert!(shown.contains(part), "{part:?} is not in {shown}");
    }
    assert_eq!(cluster.read("ran"), "a\nb\nb\n".repeat(3));
    cluster.write("ran", "");
    cluster.write("fixed", "");

    let from_failed = is_replayed_from_the_failed_task(&mut cluster, &first).await;
    let whole = is_replayed_as_a_whole(&cluster, &second).await;
    is_purged(&cluster, &third).await;
    assert_eq!(
        listed(&cluster).await.lines().count(),
        1,
        "only the heading"
    );
    let submitted = [first, second, third, from_failed, whole];
    cluster.audit(&BTreeSet::from(submitted)).await;
}

/// What had succeeded is kept.
async fn is_replayed_from_the_failed_task(cluster: &mut Cluster, dead: &str) -> String {
    let replay = ["dead-letter", "replay", dead, "--from-failed"];
    let id = cluster.run(replay).await.succeeded().trim().to_owned();
    assert_ne!(id, dead);
    let job = cluster
        .job_when(&id, |job| job.state() == JobState::Succeeded)
        .await;
    assert_eq!(job.replay_of, dead);
    assert_eq!(cluster.read("ran"), "b\nc\n");
    cluster.crash_coordinator().await;
    let again = cluster.run(replay).await;
    assert!(again.stderr.contains("replayed before"), "{again:?}");
    assert_eq!(again.succeeded().trim(), id, "replayed once");
    assert!(!listed(cluster).await.contains(dead));
    assert_eq!(cluster.read("ran"), "b\nc\n", "nothing ran again");
    id
}

async fn is_replayed_as_a_whole(cluster: &Cluster, dead: &str) -> String {
    cluster.write("ran", "");
    let replay = ["dead-letter", "replay", dead, "--wait", "-o", "json"];
    let job = cluster.run(replay).await.job();
    assert_eq!(job.state(), JobState::Succeeded);
    assert_eq!(cluster.read("ran"), "a\nb\nc\n");
    job.id
}

/// Its record stays.
async fn is_purged(cluster: &Cluster, dead: &str) {
    let before = cluster.job(dead).await;
    let old = cluster
        .run(["dead-letter", "purge", "--older-than", "1h"])
        .await;
    assert_eq!(old.succeeded(), "0 purged\n");
    assert!(listed(cluster).await.contains(dead));
    let purged = cluster
        .run(["dead-letter", "purge", dead])
        .await
        .succeeded();
    assert_eq!(purged, "1 purged\n");
    let again = cluster
        .run(["dead-letter", "purge", dead])
        .await
        .succeeded();
    assert_eq!(again, "0 purged\n");
    let refused = cluster
        .run(["dead-letter", "replay", dead])
        .await
        .failed_with(1);
    assert!(refused.contains("replayed or purged"), "{refused}");
    cluster
        .run(["dead-letter", "show", dead])
        .await
        .failed_with(1);
    assert_eq!(cluster.job(dead).await, before);
}
