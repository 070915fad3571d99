//! Attempts that must not outlive the lease of their agent.

use std::time::Duration;

use drover_proto::{
    agent::key_to_wire,
    v1::{HeartbeatAck, Outcome, coordinator_message::Message as ToAgent},
};
use nix::sys::signal::Signal;
use tokio::task::JoinHandle;

use crate::{
    agent::{Agent, Program, open, read},
    coordinator::{Coordinator, Session},
    task::{Task, argv, key, shell},
};

const LEASE_MS: u32 = 300;
const BEAT_MS: u32 = 50;
/// Longer than any test.
const NEVER_MS: u32 = 100_000;

#[tokio::test]
async fn cut_off_an_agent_stops_what_must_not_run_on_and_keeps_the_rest() {
    let mut coordinator = Coordinator::start().await;
    let agent = Agent::start(&coordinator);
    let [life, first, second, gate] =
        ["life", "first", "second", "gate"].map(|name| agent.fifo(name));
    let (session, _) = coordinator.connection().await;
    session.welcome_for(LEASE_MS, BEAT_MS).await;
    // It would need a minute to end in order: the grace of a fence is shorter.
    let stubborn = shell("exec 3> life; trap '' TERM; echo > first; while :; do sleep 0.01; done");
    let kept = shell("echo > second; read line < gate");
    let mut leased = Task::leased(1, stubborn);
    leased.grace_ms = 60_000;
    session.assign([leased, Task::from((2, kept))]).await;
    let held_open = tokio::spawn(read(life));
    read(first).await;
    read(second).await;
    drop(session);

    // Not welcomed, the agent is as cut off as before.
    let (mut session, join) = coordinator.connection().await;
    held_open.await.expect("killed");
    assert_eq!(join.running, [1, 2].map(|task| key_to_wire(key(task))));
    session.welcome_for(NEVER_MS, BEAT_MS).await;
    let (task, ended) = session.end().await;
    assert_eq!((task, ended.outcome()), (1, Outcome::Fenced));
    assert!(ended.message.contains("cut off"), "{}", ended.message);
    open(gate).await;
    let (task, ended) = session.end().await;
    assert_eq!((task, ended.outcome()), (2, Outcome::Succeeded));
}

#[tokio::test]
async fn acknowledged_heartbeats_renew_the_lease() {
    let mut coordinator = Coordinator::start().await;
    let agent = Agent::start(&coordinator);
    let gate = agent.fifo("gate");
    let (mut session, _) = coordinator.connection().await;
    session.welcome_for(LEASE_MS, BEAT_MS).await;
    let task = Task::leased(1, shell("read line < gate"));
    session.assign([task]).await;
    // Three leases.
    renew(&mut session, 3 * LEASE_MS / BEAT_MS).await;
    open(gate).await;
    let (_, ended) = session.end().await;
    assert_eq!(ended.outcome(), Outcome::Succeeded);
}

#[tokio::test]
async fn what_arrives_after_the_lease_does_not_start() {
    let mut coordinator = Coordinator::start().await;
    let agent = Agent::start(&coordinator);
    let (mut session, _) = coordinator.connection().await;
    session.welcome_for(LEASE_MS, NEVER_MS).await;
    session
        .assign([Task::leased(1, argv(["sleep", "1000"]))])
        .await;
    assert_eq!(session.outcomes().await, [(1, Outcome::Fenced)]);
    // So the lease is over.
    let late = Task::leased(2, shell("echo > ran"));
    session
        .assign([late, Task::from((3, argv(["true"])))])
        .await;
    let [(2, late), (3, kept)] = session.ends().await else {
        panic!("others have ended");
    };
    assert_eq!(late.outcome(), Outcome::Fenced);
    let why = "it came when the agent's lease was over";
    assert_eq!(late.message, why, "it is not merely killed at once");
    assert_eq!(kept.outcome(), Outcome::Succeeded);
    assert!(!agent.work_dir.path().join("ran").exists());
}

#[tokio::test]
async fn while_an_agent_is_frozen_its_guard_fences() {
    let mut coordinator = Coordinator::start().await;
    let (directory, agent, [life, orderly, stubborn, kept, gate, done]) = Program::with_fifos(
        &coordinator,
        ["life", "orderly", "stubborn", "kept", "gate", "done"],
    );
    let (mut session, _) = coordinator.connection().await;
    session.lease(LEASE_MS, NEVER_MS, 60_000).await;
    let held_open = tokio::spawn(read(life));
    let wait = "while :; do sleep 0.01; done";
    let mut first = Task::leased(
        1,
        shell(&format!(
            "exec 3> life; trap 'echo term > seen; exit 0' TERM; echo > orderly; {wait}"
        )),
    );
    first.grace_ms = 4_000;
    let mut second = Task::leased(
        2,
        shell(&format!(
            "exec 3> life; trap '' TERM; sleep 1000 & echo > stubborn; {wait}"
        )),
    );
    second.grace_ms = 100;
    let third = shell("echo > kept; read line < gate; echo > done");
    session
        .assign([first, second, Task::from((3, third))])
        .await;
    for ready in [orderly, stubborn, kept] {
        read(ready).await;
    }
    agent.signal(Signal::SIGSTOP);
    soon(held_open).await;
    let seen = std::fs::read_to_string(directory.path().join("seen")).expect("terminated first");
    assert_eq!(seen, "term\n");
    open(gate).await;
    read(done).await;
    assert!(agent.is_stopped(), "all this without the agent");
    agent.signal(Signal::SIGCONT);
    let expected = [
        (1, Outcome::Fenced),
        (2, Outcome::Fenced),
        (3, Outcome::Succeeded),
    ];
    assert_eq!(session.outcomes().await, expected);
}

#[tokio::test]
async fn renewals_hold_back_the_guard() {
    let mut coordinator = Coordinator::start().await;
    let (_directory, agent, [ready, life]) = Program::with_fifos(&coordinator, ["ready", "life"]);
    let (mut session, _) = coordinator.connection().await;
    session.lease(1_000, 100, 50).await;
    // So the guard knows of a lease, and for some time nothing that it has to renew.
    let short = Task::leased(1, argv(["true"]));
    session.assign([short]).await;
    assert_eq!(session.end().await.1.outcome(), Outcome::Succeeded);
    renew(&mut session, 15).await;
    let leased = shell("exec 3> life; echo > ready; exec sleep 1000");
    session.assign([Task::leased(2, leased)]).await;
    let held_open = tokio::spawn(read(life));
    read(ready).await;
    renew(&mut session, 15).await;
    assert!(!held_open.is_finished());
    agent.signal(Signal::SIGSTOP);
    soon(held_open).await;
    assert!(agent.is_stopped());
}

#[tokio::test]
async fn a_program_hears_of_its_end_once() {
    let mut coordinator = Coordinator::start().await;
    let agent = Agent::start(&coordinator);
    let ready = agent.fifo("ready");
    let (mut session, _) = coordinator.connection().await;
    session.lease(LEASE_MS, NEVER_MS, 1_000).await;
    let script = "trap 'echo term >> seen' TERM; echo > ready; while :; do sleep 0.01; done";
    session.assign([Task::leased(1, shell(script))]).await;
    read(ready).await;
    assert_eq!(session.end().await.1.outcome(), Outcome::Fenced);
    let seen = std::fs::read_to_string(agent.work_dir.path().join("seen"));
    assert_eq!(seen.expect("it has heard"), "term\n");
}

/// Acknowledges this many heartbeats.
async fn renew(session: &mut Session, count: u32) {
    for _ in 0..count {
        let number = session.heartbeat().await.number;
        let acknowledgement = ToAgent::HeartbeatAck(HeartbeatAck { number });
        session.send(acknowledgement).await;
    }
}

/// It does not wait for the agent.
async fn soon(held_open: JoinHandle<String>) {
    // No working guard takes so long, on a busy machine either.
    let closed = tokio::time::timeout(Duration::from_secs(90), held_open).await;
    closed
        .expect("nothing of it is left")
        .expect("nothing was written");
}
