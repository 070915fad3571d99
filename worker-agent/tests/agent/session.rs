//! Joining, reporting, leaving.

use std::time::Duration;

use drover_proto::{
    agent::key_to_wire,
    v1::{Outcome, report::What},
};
use nix::sys::signal::Signal;

use crate::{
    agent::{Agent, Program, fifo, read},
    coordinator::Coordinator,
    task::{Task, argv, key, shell, simulate},
};

#[tokio::test]
async fn an_agent_joins_and_beats() {
    let mut coordinator = Coordinator::start().await;
    let _agent = Agent::start(&coordinator);
    let (mut session, join) = coordinator.connection().await;
    assert_eq!(join.node, "n1");
    assert_eq!(join.protocol_version, drover_proto::AGENT_PROTOCOL_VERSION);
    let attributes = join.attributes.expect("attributes");
    assert_eq!(attributes.labels["zone"], "a");
    assert_eq!(attributes.cost_per_hour_micros, 7);
    assert_eq!(join.capacity.expect("a capacity").gpu_model, "h200");
    assert!(join.incarnation > 0);
    session.welcome(1, vec![]).await;
    let heartbeat = session.heartbeat().await;
    assert_eq!(heartbeat.number, 1);
    assert!((1..=1_000).contains(&heartbeat.memory_permille));
}

#[tokio::test]
async fn a_load_without_duration_needs_one_report() {
    let mut coordinator = Coordinator::start().await;
    let _agent = Agent::start(&coordinator);
    let mut session = coordinator.session().await;
    session.assign([(1, simulate(Duration::ZERO))]).await;
    let (task, what) = session.report().await;
    assert_eq!(task, 1);
    assert!(matches!(what, What::Ended(ended) if ended.outcome() == Outcome::Succeeded));
    assert_eq!(session.sequence, 1);
}

#[tokio::test]
async fn ten_thousand_loads_run_at_once() {
    let mut coordinator = Coordinator::start().await;
    let _agent = Agent::start(&coordinator);
    let mut session = coordinator.session().await;
    let load = simulate(Duration::from_millis(500));
    session
        .assign((0..10_000).map(|task| (task, load.clone())))
        .await;
    let mut tasks = Vec::new();
    while tasks.len() < 10_000 {
        let (task, ended) = session.end().await;
        assert!(ended.ended_at_ms - ended.started_at_ms >= 500);
        tasks.push(task);
    }
    tasks.sort_unstable();
    assert!(tasks.into_iter().eq(0..10_000));
}

#[tokio::test]
async fn a_duplicate_assignment_starts_nothing() {
    let mut coordinator = Coordinator::start().await;
    let agent = Agent::start(&coordinator);
    let mut session = coordinator.session().await;
    let script = shell("echo ran >> runs");
    session
        .assign([(1, script.clone()), (1, script.clone())])
        .await;
    assert_eq!(session.end().await.0, 1);
    session.assign([(1, script), (2, argv(["true"]))]).await;
    assert_eq!(session.end().await.0, 2);
    let runs = std::fs::read_to_string(agent.work_dir.path().join("runs")).expect("it ran");
    assert_eq!(runs, "ran\n");
}

#[tokio::test]
async fn what_was_not_acknowledged_is_sent_again() {
    let mut coordinator = Coordinator::start().await;
    let agent = Agent::start(&coordinator);
    let gate = agent.fifo("gate");
    let mut session = coordinator.session().await;
    session.assign([(1, argv(["true"]))]).await;
    session.end().await;
    session.acknowledge(session.sequence).await;
    let acknowledged = session.sequence;
    session
        .assign([(2, argv(["false"])), (3, shell("echo > gate"))])
        .await;
    assert_eq!(session.end().await.0, 2);
    drop(session);

    let (mut session, join) = coordinator.connection().await;
    let reports = join.reports.expect("present");
    let first = reports.sequence - reports.reports.len() as u64 + 1;
    assert_eq!(first, acknowledged + 1);
    let ended = |task| {
        reports.reports.iter().any(|report| {
            report.key.as_ref().is_some_and(|key| key.task == task)
                && matches!(report.what, Some(What::Ended(_)))
        })
    };
    assert!(ended(2) && !ended(1));
    assert_eq!(join.running, [key_to_wire(key(3))]);
    session.welcome(1, vec![]).await;
    read(gate).await;
    let (task, ended) = session.end().await;
    assert_eq!((task, ended.outcome()), (3, Outcome::Succeeded));
}

#[tokio::test]
async fn what_the_coordinator_discards_is_killed_in_silence() {
    let mut coordinator = Coordinator::start().await;
    let agent = Agent::start(&coordinator);
    let (life, ready) = (agent.fifo("life"), agent.fifo("ready"));
    let session = coordinator.session().await;
    session
        .assign([(1, shell("exec 3> life; echo > ready; sleep 1000"))])
        .await;
    let held_open = tokio::spawn(read(life));
    read(ready).await;
    drop(session);
    let (mut session, join) = coordinator.connection().await;
    assert_eq!(join.running, [key_to_wire(key(1))]);
    session.welcome(2, vec![key_to_wire(key(1))]).await;
    held_open.await.expect("nobody writes any more");
    session.assign([(2, argv(["true"]))]).await;
    assert_eq!(session.end().await.0, 2);
}

#[tokio::test]
async fn a_stop_of_an_unknown_attempt_is_answered() {
    let mut coordinator = Coordinator::start().await;
    let _agent = Agent::start(&coordinator);
    let mut session = coordinator.session().await;
    session.stop(9, 0).await;
    let (task, ended) = session.end().await;
    assert_eq!((task, ended.outcome()), (9, Outcome::Stopped));
}

#[tokio::test]
async fn an_agent_that_leaves_gives_each_attempt_its_grace_up_to_a_limit() {
    let mut coordinator = Coordinator::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let ready = fifo(directory.path(), "ready");
    let mut command = Program::command(&coordinator.address, directory.path(), "/bin:/usr/bin");
    let agent = Program::spawn(command.args(["--leave-timeout", "2s"]));
    let mut session = coordinator.session().await;
    let wait = "echo > ready; while :; do sleep 0.01; done";
    // Ends within its grace; has next to none; and has more than the agent.
    for (number, trap, grace_ms) in [(1, "sleep 1; exit 7", 60_000), (2, "", 10), (3, "", 60_000)] {
        let script = format!("trap '{trap}' TERM; {wait}");
        let task = Task {
            grace_ms,
            ..Task::from((number, shell(&script)))
        };
        session.assign([task]).await;
        read(ready.clone()).await;
    }
    agent.signal(Signal::SIGTERM);
    let mut took = Vec::new();
    let mut codes = Vec::new();
    while codes.len() < 3 {
        let (task, ended) = session.end().await;
        assert_eq!(ended.outcome(), Outcome::Stopped);
        codes.push((task, ended.exit_code));
        took.push((task, ended.ended_at_ms));
    }
    codes.sort_unstable();
    took.sort_by_key(|(_, ended_at_ms)| *ended_at_ms);
    assert_eq!(codes, [(1, Some(7)), (2, Some(137)), (3, Some(137))]);
    assert!(took.iter().map(|(task, _)| *task).eq([2, 1, 3]), "{took:?}");
    drop(session);
    agent.ended();
}

#[tokio::test]
async fn an_agent_that_leaves_stops_what_runs_and_says_so() {
    let mut coordinator = Coordinator::start().await;
    let agent = Agent::start(&coordinator);
    let mut session = coordinator.session().await;
    session
        .assign([
            (1, argv(["sleep", "1000"])),
            (2, simulate(Duration::from_secs(1_000))),
        ])
        .await;
    for _ in 0..2 {
        assert!(matches!(session.report().await.1, What::Started(_)));
    }
    agent.shutdown.cancel();
    let mut tasks = Vec::new();
    for _ in 0..2 {
        let (task, ended) = session.end().await;
        assert_eq!(ended.outcome(), Outcome::Stopped);
        tasks.push(task);
    }
    tasks.sort_unstable();
    assert_eq!(tasks, [1, 2]);
    session.acknowledge(session.sequence).await;
    assert!(session.has_ended().await);
    drop(session);
    agent.task.await.expect("no panic").expect("left in order");
}
