//! Agents that go away.

use drover_proto::v1::{AttemptState, Job, JobState, NodeState};
use drover_tests::{Fifo, Settings};
use nix::sys::signal::Signal;

/// How the attempts of the first task stand.
fn attempts(job: &Job) -> Vec<AttemptState> {
    let attempts = job.tasks[0].attempts.iter();
    attempts.map(|attempt| attempt.state()).collect()
}

#[tokio::test]
async fn a_killed_agent_leaves_no_process_and_its_task_runs_elsewhere() {
    let mut cluster = Settings::agents(2).fast().on_sqlite().await;
    let mut life = Fifo::create(cluster.directory(), "life");
    // The first attempt never ends by itself, and has a child in the background.
    let id = cluster
        .submit(
            "name: move\ntasks:\n  a:\n    shell: true\n    command: |\n      \
             test $DROVER_ATTEMPT = 1 || exit 0\n      exec 3> life\n      echo >&3\n      sleep 1000 & sleep 1000\n",
        )
        .await;
    life.written().await;
    let job = cluster.job(&id).await;
    let node = job.tasks[0].attempts[0].node.clone();
    cluster.agent(&node).kill().await;
    life.closed().await;
    let shown = cluster.run(["node", "show", &node]).await.succeeded();
    assert!(
        shown.contains("disconnected") || shown.contains("lost"),
        "{shown}"
    );

    let job = cluster
        .job_when(&id, |job| job.state() == JobState::Succeeded)
        .await;
    let [first, second] = &job.tasks[0].attempts[..] else {
        panic!("two attempts: {job:?}");
    };
    assert_eq!(first.state(), AttemptState::Lost);
    assert_eq!(second.state(), AttemptState::Succeeded);
    assert_ne!(second.node, node);
    cluster.node_is(&node, NodeState::Lost).await;
}

#[tokio::test]
async fn a_killed_agent_is_shown_disconnected_and_may_come_back() {
    let settings = Settings::agents(1).coordinator(["--node-timeout", "1h"]);
    let mut cluster = settings.on_sqlite().await;
    cluster.agent("n1").kill().await;
    cluster.node_is("n1", NodeState::Disconnected).await;
    let listed = cluster.run(["node", "list"]).await.succeeded();
    assert!(listed.contains("disconnected"), "{listed}");
    let id = cluster
        .submit("name: j\ntasks:\n  a: {command: [\"true\"]}\n")
        .await;
    cluster.start_agent("n1");
    cluster
        .job_when(&id, |job| job.state() == JobState::Succeeded)
        .await;
    cluster.node_is("n1", NodeState::Ready).await;
}

/// A new process of the agent tells that the attempts of the old one are gone: nobody waits for the node timeout.
#[tokio::test]
async fn a_restarted_agent_runs_its_task_again() {
    let settings = Settings::agents(1).coordinator(["--node-timeout", "1h"]);
    let mut cluster = settings.on_sqlite().await;
    let mut life = Fifo::create(cluster.directory(), "life");
    let id = cluster
        .submit(
            "name: again\ntasks:\n  a: {shell: true, command: 'test $DROVER_ATTEMPT = 1 || exit 0; exec 3> life; echo >&3; sleep 1000'}\n",
        )
        .await;
    life.written().await;
    cluster.agent("n1").kill().await;
    life.closed().await;
    cluster.start_agent("n1");
    let job = cluster
        .job_when(&id, |job| job.state() == JobState::Succeeded)
        .await;
    assert_eq!(
        attempts(&job),
        [AttemptState::Lost, AttemptState::Succeeded]
    );
}

/// The command of a frozen agent goes on. What it reports after it was given up is of no attempt that is current.
#[tokio::test]
async fn a_frozen_agent_is_given_up_and_its_late_report_changes_nothing() {
    let mut cluster = Settings::agents(2).fast().on_sqlite().await;
    let mut begun = Fifo::create(cluster.directory(), "begun");
    let gate = Fifo::gate(cluster.directory(), "gate");
    let id = cluster
        .submit(
            "name: frozen\ntasks:\n  a:\n    shell: true\n    command: |\n      \
             test $DROVER_ATTEMPT = 1 || exit 0\n      echo > begun\n      read line < gate\n",
        )
        .await;
    begun.written().await;
    let node = cluster.job(&id).await.tasks[0].attempts[0].node.clone();
    cluster.agent(&node).signal(Signal::SIGSTOP);
    let job = cluster
        .job_when(&id, |job| job.state() == JobState::Succeeded)
        .await;
    assert_eq!(
        attempts(&job),
        [AttemptState::Lost, AttemptState::Succeeded]
    );
    Fifo::release(&gate).await;
    cluster.agent(&node).signal(Signal::SIGCONT);
    cluster.node_is(&node, NodeState::Ready).await;
    // It works again, which also says that what it had to report has been taken up.
    let both = "name: both\ntasks:\n  a: {command: [\"true\"], resources: {cpu: 4}}\n  \
                b: {command: [\"true\"], resources: {cpu: 4}}\n";
    let next = cluster.submit(both).await;
    cluster
        .job_when(&next, |job| job.state() == JobState::Succeeded)
        .await;
    assert_eq!(cluster.job(&id).await, job, "nothing has changed");
}
