//! Agents that die and come back.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use drover_proto::v1::{AttemptState, GetLogsRequest, Job, JobState, NodeState};
use drover_tests::{Cluster, Fifo, Settings, deed, job, script, until};
use tokio::time::Instant;

const TASKS: usize = 6;

/// What the issue asks for, beyond the node timeout.
const ELSEWHERE_AFTER: Duration = Duration::from_secs(5);
/// Logs are there up to so long before the kill.
const LOGS_BEHIND_MS: u128 = 2_000;

/// The first attempt tells the time until there is a file `stop`, and has a child in the background.
const TELL_TIME: &str = "test $DROVER_ATTEMPT = 1 || exit 0\n\
    sleep 1000 &\n\
    until test -e stop; do date +%s%3N; sleep 0.05; done";

fn now_ms() -> u128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("after 1970").as_millis()
}

#[tokio::test]
async fn a_killed_agents_tasks_run_elsewhere_on_sqlite() {
    let cluster = Settings::agents(3).fast().on_sqlite().await;
    is_killed(cluster, Duration::from_secs(2)).await;
}

#[tokio::test]
async fn a_killed_agents_tasks_run_elsewhere_on_postgres() {
    if let Some(cluster) = Settings::agents(3).fast().on_postgres().await {
        is_killed(cluster, Duration::from_secs(2)).await;
    }
}

#[tokio::test]
async fn a_killed_agents_tasks_run_elsewhere_with_default_settings() {
    let cluster = Settings::agents(3).on_sqlite().await;
    is_killed(cluster, Duration::from_secs(10)).await;
}

async fn is_killed(mut cluster: Cluster, node_timeout: Duration) {
    let tasks = (0..TASKS).map(|number| script(&format!("t{number}"), TELL_TIME));
    let id = cluster.submit_spec(job("tell", tasks.collect())).await;
    let victim = busiest(&cluster.job_when(&id, all_run).await);
    for place in on_node(&cluster.job(&id).await, &victim) {
        until("output that is stored", async || {
            (!output(&cluster, &id, place).await.is_empty()).then_some(())
        })
        .await;
    }
    let killed_ms = now_ms();
    let killed = Instant::now();
    cluster.agent(&victim).kill().await;
    let moved = on_node(&cluster.job(&id).await, &victim);
    until("the processes of the killed agent to end", async || {
        cluster
            .mark()
            .processes_of(&victim)
            .is_empty()
            .then_some(())
    })
    .await;
    let orphans_lived = killed.elapsed();
    assert!(
        orphans_lived < node_timeout,
        "orphans lived for {orphans_lived:?}"
    );
    let done = cluster
        .job_when(&id, |job| {
            moved.iter().all(|place| has_succeeded(job, *place))
        })
        .await;
    let took = killed.elapsed();
    eprintln!(
        "{} tasks of {victim}: no process after {orphans_lived:?}, done elsewhere after {took:?}",
        moved.len()
    );
    assert!(took <= node_timeout + ELSEWHERE_AFTER, "{took:?}");
    for place in &moved {
        let attempts = &done.tasks[*place].attempts;
        assert_eq!(attempts[0].state(), AttemptState::Lost, "{attempts:?}");
        assert_ne!(attempts[1].node, victim, "{attempts:?}");
        logs_reach(&output(&cluster, &id, *place).await, killed_ms);
    }
    cluster.write("stop", "");
    assert_eq!(cluster.counter("lost_nodes").await, 1);
    assert_eq!(cluster.counter("lost_attempts").await, moved.len() as u64);
    cluster.audit(&BTreeSet::from([id])).await;
}

pub(crate) fn all_run(job: &Job) -> bool {
    job.tasks.iter().all(|task| {
        let state = task.attempts.last().map(|attempt| attempt.state());
        state == Some(AttemptState::Running)
    })
}

fn has_succeeded(job: &Job, task: usize) -> bool {
    let last = job.tasks[task].attempts.last();
    last.is_some_and(|attempt| attempt.state() == AttemptState::Succeeded)
}

/// The node with most tasks.
pub(crate) fn busiest(job: &Job) -> String {
    let nodes: Vec<&String> = job
        .tasks
        .iter()
        .map(|task| &task.attempts[0].node)
        .collect();
    let count = |node: &&&String| nodes.iter().filter(|other| *other == *node).count();
    nodes.iter().max_by_key(count).expect("tasks").to_string()
}

pub(crate) fn on_node(job: &Job, node: &str) -> Vec<usize> {
    let tasks = job.tasks.iter().enumerate();
    let there = tasks.filter(|(_, task)| task.attempts[0].node == node);
    there.map(|(place, _)| place).collect()
}

/// What the first attempt of a task has written, as far as it is stored.
async fn output(cluster: &Cluster, id: &str, task: usize) -> String {
    let request = GetLogsRequest {
        job_id: id.to_owned(),
        task: format!("t{task}"),
        attempt: 1,
        ..GetLogsRequest::default()
    };
    let Ok(lines) = cluster.jobs().await.get_logs(request).await else {
        return String::new();
    };
    let mut lines = lines.into_inner();
    let mut written = Vec::new();
    while let Ok(Some(line)) = lines.message().await {
        written.extend_from_slice(&line.data);
    }
    String::from_utf8(written).expect("digits")
}

/// Times grow, and the last is close to the kill.
fn logs_reach(output: &str, killed_ms: u128) {
    let times: Vec<u128> = output
        .lines()
        .filter_map(|line| line.parse().ok())
        .collect();
    assert!(times.is_sorted(), "{times:?}");
    let last = times.last().expect("it has written");
    let behind = killed_ms.saturating_sub(*last);
    eprintln!("the logs end {behind} ms before the kill");
    assert!(behind <= LOGS_BEHIND_MS, "{behind} ms are missing");
}

/// A task that loses its node again and again is at fault itself, or so it is treated; and so is the node.
#[tokio::test]
async fn whoever_is_lost_three_times_gets_nothing_new() {
    let mut cluster = Settings::agents(1).on_sqlite().await;
    let mut begun = Fifo::create(cluster.directory(), "begun");
    let id = cluster
        .submit_spec(job("lost", vec![script("t", "echo > begun; sleep 1000")]))
        .await;
    for _ in 0..3 {
        begun.written().await;
        cluster.job_when(&id, all_run).await;
        cluster.agent("n1").kill().await;
        cluster.start_agent("n1");
    }
    let dead = cluster
        .job_when(&id, |job| job.state() == JobState::Failed)
        .await;
    let attempts = &dead.tasks[0].attempts;
    assert!(
        attempts.iter().all(|one| one.state() == AttemptState::Lost),
        "{dead:?}"
    );
    assert_eq!(attempts.len(), 3);
    let listed = cluster.run(["dead-letter", "list"]).await.succeeded();
    assert!(
        listed.contains(&id) && listed.contains("lost its node 3 times"),
        "{listed}"
    );
    let node = cluster.node_is("n1", NodeState::Quarantined).await;
    assert!(node.quarantined_until_time.is_some(), "{node:?}");
    let nodes = cluster.run(["node", "list"]).await.succeeded();
    assert!(nodes.contains("quarantined"), "{nodes}");
    assert_eq!(cluster.counter("quarantines").await, 1);
    // Others are not held up by it.
    cluster.start_agent("n2");
    let next = cluster.submit_spec(job("next", vec![deed("t")])).await;
    let next = cluster
        .job_when(&next, |job| job.state() == JobState::Succeeded)
        .await;
    assert_eq!(next.tasks[0].attempts[0].node, "n2");
    cluster.audit(&BTreeSet::from([id, next.id])).await;
}

/// The coordinator is away; a command ends, and so does its agent. What the agent wrote down is reported by the next one.
#[tokio::test]
async fn what_had_ended_is_not_run_again_after_an_agents_restart_on_sqlite() {
    restarts_agent(Settings::agents(1).fast().on_sqlite().await).await;
}

#[tokio::test]
async fn what_had_ended_is_not_run_again_after_an_agents_restart_on_postgres() {
    if let Some(cluster) = Settings::agents(1).fast().on_postgres().await {
        restarts_agent(cluster).await;
    }
}

async fn restarts_agent(mut cluster: Cluster) {
    let mut begun = Fifo::create(cluster.directory(), "begun");
    let gate = Fifo::gate(cluster.directory(), "gate");
    let mut ends = deed("ends");
    append(
        &mut ends,
        "\necho > begun; read line < gate; echo over > over",
    );
    let mut runs_on = deed("runs-on");
    append(
        &mut runs_on,
        "\ntest $DROVER_ATTEMPT = 1 || exit 0; echo > begun; sleep 1000",
    );
    let ends = cluster.submit_spec(job("ends", vec![ends])).await;
    begun.written().await;
    let runs_on = cluster.submit_spec(job("runs-on", vec![runs_on])).await;
    begun.written().await;
    for id in [&ends, &runs_on] {
        cluster.job_when(id, all_run).await;
    }
    cluster.coordinator().kill().await;
    let journal = cluster.directory().join("state-n1/journal");
    let length = || std::fs::metadata(&journal).map_or(0, |file| file.len());
    let before = length();
    Fifo::release(&gate).await;
    until(
        "the agent to write down how the command ended",
        async || (length() > before).then_some(()),
    )
    .await;
    cluster.agent("n1").kill().await;
    cluster.start_agent("n1");
    cluster.start_coordinator().await;
    let first = cluster
        .job_when(&ends, |job| job.state() == JobState::Succeeded)
        .await;
    assert_eq!(first.tasks[0].attempts.len(), 1, "it ran once: {first:?}");
    let second = cluster
        .job_when(&runs_on, |job| job.state() == JobState::Succeeded)
        .await;
    let attempts = &second.tasks[0].attempts;
    let states: Vec<AttemptState> = attempts.iter().map(|one| one.state()).collect();
    assert_eq!(states, [AttemptState::Lost, AttemptState::Succeeded]);
    assert_eq!(cluster.counter("lost_attempts").await, 1);
    cluster.audit_deeds(&BTreeSet::from([ends, runs_on])).await;
}

fn append(task: &mut drover_proto::v1::TaskSpec, more: &str) {
    let Some(drover_proto::v1::task_spec::Run::Command(command)) = &mut task.run else {
        panic!("{task:?}");
    };
    let script = [&command.argv[0][..], more.as_bytes()].concat();
    command.argv[0] = script.into();
}
