//! Agents that die, freeze and come back.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use drover_proto::v1::{AttemptState, GetLogsRequest, Job, JobState, NodeState};
use drover_tests::{Cluster, Fifo, Settings, deed, job, script, until};
use nix::sys::signal::Signal;
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

fn all_run(job: &Job) -> bool {
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
fn busiest(job: &Job) -> String {
    let nodes: Vec<&String> = job
        .tasks
        .iter()
        .map(|task| &task.attempts[0].node)
        .collect();
    let count = |node: &&&String| nodes.iter().filter(|other| *other == *node).count();
    nodes.iter().max_by_key(count).expect("tasks").to_string()
}

fn on_node(job: &Job, node: &str) -> Vec<usize> {
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

/// Commands go on while their agent is frozen: one ends meanwhile, one does not.
async fn is_frozen(mut cluster: Cluster) {
    let mut begun = Fifo::create(cluster.directory(), "begun");
    let mut life = Fifo::create(cluster.directory(), "life");
    let gate = Fifo::gate(cluster.directory(), "gate");
    let ends = "test $DROVER_ATTEMPT = 1 || exit 0; echo > begun; read line < gate; exit 7";
    let stays = "test $DROVER_ATTEMPT = 1 || exit 0; exec 3> life; echo >&3; sleep 1000";
    let ends = cluster
        .submit_spec(job("ends", vec![script("t", ends)]))
        .await;
    begun.written().await;
    let node = cluster.job(&ends).await.tasks[0].attempts[0].node.clone();
    // More than fit on the other node.
    let mut stay = Vec::new();
    for _ in 0..6 {
        let one = job("stays", vec![script("t", stays)]);
        stay.push(cluster.submit_spec(one).await);
        life.written().await;
    }
    cluster.agent(&node).signal(Signal::SIGSTOP);
    cluster.node_is(&node, NodeState::Lost).await;
    let ended = cluster
        .job_when(&ends, |job| job.state() == JobState::Succeeded)
        .await;
    Fifo::release(&gate).await;
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
    assert_eq!(cluster.job(&ends).await, ended, "nothing has changed");
    let attempts = &ended.tasks[0].attempts;
    let states: Vec<AttemptState> = attempts.iter().map(|one| one.state()).collect();
    assert_eq!(states, [AttemptState::Lost, AttemptState::Succeeded]);
    assert_ne!(attempts[1].node, node);
    // What runs on the other node was not disturbed, and is ended now.
    for id in &stay {
        let _ = cluster.run(["job", "cancel", id]).await;
    }
    life.closed().await;
    let mut submitted: BTreeSet<String> = stay.into_iter().collect();
    submitted.insert(ends);
    cluster.audit(&submitted).await;
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
