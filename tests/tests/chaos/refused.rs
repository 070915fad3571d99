//! Input that makes no sense: clear errors, and nothing changed.

use std::collections::BTreeSet;

use drover_proto::v1::{AttemptState, Job, JobState, RetryRule, SubmitRequest};
use drover_tests::{Cluster, Fifo, Settings, job, simulated};
use tonic::Code;

#[tokio::test]
async fn retry_counts_that_are_negative_or_huge() {
    let cluster = Settings::agents(0).on_sqlite().await;
    for (retries, told) in [
        ("-1", "must not be negative, found -1"),
        ("99999999999", "too many"),
        ("4294967295", "retries"),
        ("{max: -3}", "-3"),
        ("{max: 4294967296}", "4294967296"),
        ("{max: 1, max_lost: -1}", "max_lost"),
        ("{max: 1, max_lost: 100000}", "max_lost"),
    ] {
        let text = format!("name: j\ntasks:\n  a: {{command: [\"true\"], retries: {retries}}}\n");
        cluster.write("wrong.yaml", &text);
        let answer = cluster.run(["submit", "wrong.yaml"]).await.failed_with(1);
        assert!(answer.contains(told), "{retries}: {answer}");
        let undo = format!(
            "name: j\non_failure: rollback\ntasks:\n  a:\n    command: [\"true\"]\n    \
             undo: {{command: [\"true\"], retries: {retries}}}\n"
        );
        cluster.write("undo.yaml", &undo);
        let answer = cluster.run(["submit", "undo.yaml"]).await.failed_with(1);
        assert!(answer.contains(told), "undo with {retries}: {answer}");
    }
    for (retries, code, told) in [
        ("-1", 2, "'-1' for '--retries"),
        ("99999999999", 2, "'99999999999' for '--retries"),
        ("4294967295", 1, "retry.retries"),
    ] {
        for words in [
            ["run", "--retries", retries, "--", "true"],
            ["queue", "set", "q", "--retries", retries],
        ] {
            let answer = cluster.run(words).await.failed_with(code);
            assert!(answer.contains(told), "{words:?}: {answer}");
        }
    }
    on_the_wire(&cluster).await;
    let queues = cluster.run(["queue", "list"]).await.succeeded();
    assert_eq!(queues.lines().count(), 1, "only the heading: {queues}");
    cluster.audit(&BTreeSet::new()).await;
}

async fn on_the_wire(cluster: &Cluster) {
    for (field, rule) in [
        (
            "retry.retries",
            RetryRule {
                retries: u32::MAX,
                ..RetryRule::default()
            },
        ),
        (
            "retry.max_lost",
            RetryRule {
                max_lost: u32::MAX,
                ..RetryRule::default()
            },
        ),
    ] {
        let mut task = simulated("t", 1);
        task.retry = Some(rule);
        let request = SubmitRequest {
            spec: Some(job("wrong", vec![task])),
            request_id: String::new(),
        };
        let refused = cluster.jobs().await.submit(request).await;
        let status = refused.expect_err(field);
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        assert!(status.message().contains(field), "{status:?}");
    }
}

#[tokio::test]
async fn replays_of_jobs_that_are_not_dead() {
    let cluster = Settings::agents(1).on_sqlite().await;
    let mut begun = Fifo::create(cluster.directory(), "begun");
    let gate = Fifo::gate(cluster.directory(), "gate");
    let text = "name: j\ntasks:\n  a: {shell: true, command: 'echo > begun; read line < gate'}\n";
    let id = cluster.submit(text).await;
    begun.written().await;
    let runs = |job: &Job| job.tasks[0].attempts[0].state() == AttemptState::Running;
    let running = cluster.job_when(&id, runs).await;
    let told = cluster
        .run(["dead-letter", "replay", &id])
        .await
        .failed_with(1);
    assert!(told.contains("is not dead: it is running"), "{told}");
    let told = cluster
        .run(["dead-letter", "show", &id])
        .await
        .failed_with(1);
    assert!(told.contains("is not dead"), "{told}");
    assert_eq!(cluster.job(&id).await, running, "nothing has changed");
    Fifo::release(&gate).await;
    let done = cluster
        .job_when(&id, |job| job.state() == JobState::Succeeded)
        .await;
    let told = cluster
        .run(["dead-letter", "replay", &id, "--from-failed"])
        .await
        .failed_with(1);
    assert!(told.contains("is not dead: it is succeeded"), "{told}");
    let purged = cluster.run(["dead-letter", "purge", &id]).await.succeeded();
    assert_eq!(purged, "0 purged\n");
    assert_eq!(cluster.job(&id).await, done, "nothing has changed");
    let nobody = "01890000-0000-7000-8000-000000000000";
    let told = cluster
        .run(["dead-letter", "replay", nobody])
        .await
        .failed_with(1);
    assert!(told.contains(nobody), "{told}");
    let told = cluster
        .run(["dead-letter", "replay", "what"])
        .await
        .failed_with(1);
    assert!(told.contains("UUID") || told.contains("id"), "{told}");
    cluster.audit(&BTreeSet::from([id])).await;
}

#[tokio::test]
async fn rollbacks_without_anything_to_undo() {
    let cluster = Settings::agents(0).on_sqlite().await;
    cluster.write(
        "rule.yaml",
        "name: j\non_failure: rollback\ntasks:\n  a: {command: [\"true\"]}\n",
    );
    let told = cluster.run(["submit", "rule.yaml"]).await.failed_with(1);
    assert!(told.contains("undo"), "{told}");
    let id = cluster
        .submit("name: j\ntasks:\n  a: {command: [\"true\"]}\n")
        .await;
    let before = cluster.job(&id).await;
    let told = cluster
        .run(["job", "cancel", &id, "--rollback"])
        .await
        .failed_with(1);
    assert!(told.contains("NOTHING_TO_UNDO"), "{told}");
    assert_eq!(cluster.job(&id).await, before, "nothing has changed");
    cluster.run(["job", "cancel", &id]).await.succeeded();
    cluster.audit(&BTreeSet::from([id])).await;
}
