//! Agents that are frozen for longer than the node timeout, and wake up.

use std::collections::BTreeSet;

use drover_proto::v1::{AttemptState, Job, JobState, NodeState, OnDisconnect};
use drover_tests::{Cluster, Fifo, Marked, Settings, job, script, until};
use nix::sys::signal::Signal;

use crate::{
    agents::{all_run, busiest, on_node},
    beats::{beating, beats_now, never_overlapped},
};

#[tokio::test]
async fn late_results_of_a_frozen_agent_change_nothing_on_sqlite() {
    is_frozen(Settings::agents(2).fast().on_sqlite().await).await;
}

#[tokio::test]
async fn late_results_of_a_frozen_agent_change_nothing_on_postgres() {
    if let Some(cluster) = Settings::agents(2).fast().on_postgres().await {
        is_frozen(cluster).await;
    }
}

/// Commands go on while their agent is frozen: one fails meanwhile, and others do not end. What they have to say is late:
/// the next attempt of the first one runs already.
async fn is_frozen(mut cluster: Cluster) {
    let mut begun = Fifo::create(cluster.directory(), "begun");
    let mut life = Fifo::create(cluster.directory(), "life");
    let first = Fifo::gate(cluster.directory(), "first");
    let second = Fifo::gate(cluster.directory(), "second");
    let fails = "if test $DROVER_ATTEMPT = 1; then echo > begun; read line < first; exit 7; fi; read line < second";
    let stays = "test $DROVER_ATTEMPT = 1 || exit 0; exec 3> life; echo >&3; sleep 1000";
    let fails = cluster
        .submit_spec(job("fails", vec![script("t", fails)]))
        .await;
    begun.written().await;
    let node = cluster.job(&fails).await.tasks[0].attempts[0].node.clone();
    // More than fit on the other node.
    let mut stay = BTreeSet::new();
    for _ in 0..6 {
        let one = job("stays", vec![script("t", stays)]);
        stay.insert(cluster.submit_spec(one).await);
        life.written().await;
    }
    cluster.agent(&node).signal(Signal::SIGSTOP);
    cluster.node_is(&node, NodeState::Lost).await;
    let again = |job: &Job| job.tasks[0].attempts.len() == 2 && all_run(job);
    let running = cluster.job_when(&fails, again).await;
    Fifo::release(&first).await;
    until("the first attempt to fail", async || {
        let of_first = |process: &Marked| process.environment.get("DROVER_JOB_ID") == Some(&fails);
        let left = cluster.mark().processes_of(&node);
        (!left.iter().any(of_first)).then_some(())
    })
    .await;
    cluster.agent(&node).signal(Signal::SIGCONT);
    cluster.node_is(&node, NodeState::Ready).await;
    until("the late report to be counted", async || {
        (cluster.counter("stale_reports").await >= 1).then_some(())
    })
    .await;
    until("what was given up to be killed", async || {
        cluster.mark().processes_of(&node).is_empty().then_some(())
    })
    .await;
    assert_eq!(cluster.job(&fails).await, running, "nothing has changed");
    Fifo::release(&second).await;
    let ended = cluster
        .job_when(&fails, |job| job.state() == JobState::Succeeded)
        .await;
    let attempts = &ended.tasks[0].attempts;
    let states: Vec<AttemptState> = attempts.iter().map(|one| one.state()).collect();
    assert_eq!(states, [AttemptState::Lost, AttemptState::Succeeded]);
    assert_ne!(attempts[1].node, node);
    // What runs on the other node was not disturbed, and is ended now.
    for id in &stay {
        let _ = cluster.run(["job", "cancel", id]).await;
    }
    life.closed().await;
    stay.insert(fails);
    cluster.audit(&stay).await;
}

/// An agent that is frozen cannot end anything, but its guard does.
#[tokio::test]
async fn what_is_to_stop_ends_although_its_agent_is_frozen() {
    let mut cluster = Settings::agents(2).fast().on_sqlite().await;
    let tasks = (0..4).map(|number| beating(&format!("t{number}"), OnDisconnect::Stop));
    let id = cluster.submit_spec(job("beat", tasks.collect())).await;
    let node = busiest(&cluster.job_when(&id, all_run).await);
    let moved: Vec<String> = on_node(&cluster.job(&id).await, &node)
        .into_iter()
        .map(|place| format!("t{place}"))
        .collect();
    for task in &moved {
        beats_now(&cluster, task, 1).await;
    }
    cluster.agent(&node).signal(Signal::SIGSTOP);
    for task in &moved {
        beats_now(&cluster, task, 2).await;
    }
    assert_eq!(cluster.mark().processes_of(&node), [], "it is still frozen");
    for task in &moved {
        never_overlapped(&cluster, task);
    }
    cluster.agent(&node).signal(Signal::SIGCONT);
    cluster.node_is(&node, NodeState::Ready).await;
    cluster.write("stop", "");
    let done = cluster
        .job_when(&id, |job| job.state() == JobState::Succeeded)
        .await;
    assert!(
        done.tasks.iter().all(|task| task.attempts.len() <= 2),
        "{done:?}"
    );
    cluster.audit(&BTreeSet::from([id])).await;
}
