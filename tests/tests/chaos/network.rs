//! Hosts in network namespaces: one is cut off without anybody being told, and comes back.

use std::{collections::BTreeSet, time::Duration};

use drover_proto::v1::{
    AttemptState, Job, JobState, NodeState, OnDisconnect, Resources, Task, TaskSpec,
};
use drover_tests::{Cluster, Marked, Network, Settings, job, script, until};

use crate::{
    agents::all_run,
    beats::{beating, beats_now, never_overlapped},
};

const CUT_OFF: Duration = Duration::from_secs(30);
const TASKS: usize = 6;

/// Half of the tasks are to stop when their host is cut off, half are to keep on.
fn tasks() -> Vec<TaskSpec> {
    let task = |number: usize| match number % 2 {
        0 => beating(&format!("stop{number}"), OnDisconnect::Stop),
        _ => beating(&format!("keep{number}"), OnDisconnect::Keep),
    };
    (0..TASKS).map(task).collect()
}

/// With the default timeouts: the hosts that are not cut off must not seem so when this machine is busy.
fn settings() -> Option<Settings> {
    let network = Network::of(["c", "n1", "n2", "n3"])?;
    Some(Settings::agents(3).on_hosts(network))
}

#[tokio::test]
async fn long_a_host_is_cut_off_on_sqlite() {
    if let Some(settings) = settings() {
        is_cut_off(settings.on_sqlite().await).await;
    }
}

/// The server of the tests serves this host alone: a proxy takes the coordinator there.
#[tokio::test]
async fn long_a_host_is_cut_off_on_postgres() {
    if let Some(settings) = settings()
        && let Some(cluster) = settings.proxied().on_postgres().await
    {
        is_cut_off(cluster).await;
    }
}

async fn is_cut_off(cluster: Cluster) {
    let id = cluster.submit_spec(job("beat", tasks())).await;
    let before = cluster.job_when(&id, all_run).await;
    let victim = victim(&before);
    let there: Vec<&str> = before
        .tasks
        .iter()
        .filter(|task| task.attempts[0].node == victim)
        .map(|task| task.name.as_str())
        .collect();
    eprintln!("{victim} is cut off with {there:?}");
    for task in &there {
        beats_now(&cluster, task, 1).await;
    }
    cluster.network().cut_off(&victim);
    let cut = tokio::time::Instant::now();
    cluster.node_is(&victim, NodeState::Lost).await;
    eprintln!("given up {:?} after the cut", cut.elapsed());
    let moved = cluster
        .job_when(&id, |job| {
            let elsewhere = |task: &Task| {
                let last = task.attempts.last().expect("it has run");
                last.node != victim && last.state() == AttemptState::Running
            };
            job.tasks.iter().all(elsewhere)
        })
        .await;
    eprintln!(
        "everything runs elsewhere {:?} after the cut",
        cut.elapsed()
    );
    tokio::time::sleep_until(cut + CUT_OFF).await;
    let alive = cluster.mark().processes_of(&victim);
    for task in &there {
        let of = |process: &Marked| {
            let name = process.environment.get("DROVER_TASK");
            name.is_some_and(|name| name == task)
        };
        assert_eq!(alive.iter().any(of), task.starts_with("keep"), "{task}");
    }
    cluster.network().heal(&victim);
    cluster.node_is(&victim, NodeState::Ready).await;
    until("what is of no attempt any more to be killed", async || {
        cluster
            .mark()
            .processes_of(&victim)
            .is_empty()
            .then_some(())
    })
    .await;
    for task in there.iter().filter(|name| name.starts_with("stop")) {
        never_overlapped(&cluster, task);
    }
    assert_eq!(
        cluster.job(&id).await,
        moved,
        "the healed host changes nothing"
    );

    // It works again.
    cluster.write("stop", "");
    let done = cluster
        .job_when(&id, |job| job.state() == JobState::Succeeded)
        .await;
    for task in &done.tasks {
        let expected = 1 + usize::from(there.contains(&task.name.as_str()));
        assert_eq!(task.attempts.len(), expected, "{task:?}");
    }
    let fills = (0..3).map(|number| {
        let mut task = script(&format!("fill{number}"), "exit 0");
        task.resources = Some(Resources {
            cpu_millis: 4_000,
            ..Resources::default()
        });
        task
    });
    let fill = cluster.submit_spec(job("fill", fills.collect())).await;
    cluster
        .job_when(&fill, |job| job.state() == JobState::Succeeded)
        .await;
    let counters = cluster.status().await.counters;
    assert_eq!(counters["lost_nodes"], 1, "{counters:?}");
    assert_eq!(
        counters["lost_attempts"],
        there.len() as u64,
        "{counters:?}"
    );
    cluster.audit(&BTreeSet::from([id, fill])).await;
}

/// A host with tasks of both kinds.
fn victim(job: &Job) -> String {
    let has = |node: &str, kind: &str| {
        job.tasks
            .iter()
            .any(|task| task.attempts[0].node == node && task.name.starts_with(kind))
    };
    let nodes: BTreeSet<&str> = job
        .tasks
        .iter()
        .map(|task| task.attempts[0].node.as_str())
        .collect();
    let both = nodes
        .iter()
        .find(|node| has(node, "stop") && has(node, "keep"));
    (*both.unwrap_or_else(|| panic!("no host has both kinds: {job:?}"))).to_owned()
}
