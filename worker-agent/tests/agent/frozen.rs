//! An agent that stood still, with a guard that did nothing meanwhile.

use std::time::Duration;

use drover_proto::v1::Outcome;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    agent::{Program, open, read},
    coordinator::Coordinator,
    task::{Task, shell},
};

const LEASE_MS: u32 = 1_000;
/// Longer than any test.
const NEVER_MS: u32 = 100_000;

/// A guard that is stopped, and goes on in the end: otherwise nothing of its agent would.
struct Stopped(Pid);

impl Stopped {
    fn guard_of(agent: &Program) -> Self {
        let guard = agent.guard();
        kill(guard, Signal::SIGSTOP).expect("it is there");
        Self(guard)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = kill(self.0, Signal::SIGCONT);
    }
}

#[tokio::test]
async fn an_agent_that_was_frozen_fences_before_it_does_anything_else() {
    let mut coordinator = Coordinator::start().await;
    let (directory, agent, [first, second, gate, done]) =
        Program::with_fifos(&coordinator, ["first", "second", "gate", "done"]);
    let (mut session, _) = coordinator.connection().await;
    let _guard = Stopped::guard_of(&agent);
    // The lease counts from before this.
    session.welcome_for(LEASE_MS, NEVER_MS).await;
    let lease_over = tokio::time::sleep(Duration::from_millis(LEASE_MS.into()));
    let leased = Task::leased(1, shell("echo > first; sleep 1000"));
    let kept = shell("echo > second; read line < gate; echo > done");
    session.assign([leased, Task::from((2, kept))]).await;
    read(first).await;
    read(second).await;
    agent.signal(Signal::SIGSTOP);
    // It ends while the agent is frozen, and what comes meanwhile is found by the agent when it wakes.
    open(gate).await;
    read(done).await;
    let late = Task::leased(3, shell("echo > ran"));
    session.assign([late]).await;
    lease_over.await;
    agent.signal(Signal::SIGCONT);
    let expected = [
        (1, Outcome::Fenced),
        (2, Outcome::Succeeded),
        (3, Outcome::Fenced),
    ];
    assert_eq!(session.outcomes().await, expected);
    assert!(!directory.path().join("ran").exists());
}
