//! Agents that go, or have to.

use std::{fs, path::Path, process::ExitStatus};

use drover_proto::v1::{Outcome, agent_message::Message as FromAgent};
use nix::sys::signal::{Signal, kill};

use crate::{
    agent::{Program, open, read},
    coordinator::{Coordinator, Session},
    task::{Task, argv, shell},
};

fn log(directory: &Path) -> String {
    fs::read_to_string(directory.join("log")).expect("there")
}

/// Its coordinator serves meanwhile.
async fn ended(agent: Program) -> ExitStatus {
    let ended = tokio::task::spawn_blocking(|| agent.ended());
    ended.await.expect("no panic")
}

/// Waits until the agent says that it leaves. No end of an attempt comes before.
async fn leaving(session: &mut Session) {
    loop {
        match session.message().await {
            FromAgent::Leaving(_) => return,
            FromAgent::Heartbeat(_) => {}
            other => panic!("it leaves, and does not say {other:?} first"),
        }
    }
}

/// An agent with task 1, which waits for the gate when it is asked to end, and has been reported as started.
async fn with_patient_task(
    coordinator: &mut Coordinator,
) -> (tempfile::TempDir, Program, Session, std::path::PathBuf) {
    let (directory, agent, [ready, gate]) = Program::with_fifos(coordinator, ["ready", "gate"]);
    let mut session = coordinator.session().await;
    let script = "trap 'read line < gate; exit 7' TERM; echo > ready; while :; do sleep 0.01; done";
    let task = Task {
        grace_ms: 60_000,
        ..Task::from((1, shell(script)))
    };
    session.assign([task]).await;
    read(ready).await;
    session.report().await;
    (directory, agent, session, gate)
}

#[tokio::test]
async fn a_leaving_agent_says_so_and_refuses_what_comes_while_others_end() {
    let mut coordinator = Coordinator::start().await;
    let (directory, agent, mut session, gate) = with_patient_task(&mut coordinator).await;
    agent.signal(Signal::SIGTERM);
    leaving(&mut session).await;
    session.assign([(2, shell("echo > ran"))]).await;
    let (task, refused) = session.end().await;
    assert_eq!((task, refused.outcome()), (2, Outcome::Refused));
    assert_eq!(refused.message, "the agent is leaving");
    open(gate).await;
    let (task, stopped) = session.end().await;
    assert_eq!((task, stopped.outcome()), (1, Outcome::Stopped));
    session.acknowledge(session.sequence).await;
    assert!(ended(agent).await.success());
    assert!(!directory.path().join("ran").exists());
}

#[tokio::test]
async fn who_has_heard_that_all_is_known_leaves_no_reports() {
    let mut coordinator = Coordinator::start().await;
    let (directory, agent, mut session, gate) = with_patient_task(&mut coordinator).await;
    let journal = directory.path().join("state/journal");
    let empty = fs::read(&journal).expect("there").len();
    agent.signal(Signal::SIGTERM);
    leaving(&mut session).await;
    open(gate).await;
    assert_eq!(session.outcomes().await, [(1, Outcome::Stopped)]);
    assert!(fs::read(&journal).expect("there").len() > empty);
    session.acknowledge(session.sequence).await;
    assert!(ended(agent).await.success());
    assert_eq!(fs::read(&journal).expect("there").len(), empty);
}

#[tokio::test]
async fn without_its_guard_an_agent_stops_everything_and_fails() {
    let mut coordinator = Coordinator::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let agent = Program::start(&coordinator, directory.path());
    let mut session = coordinator.session().await;
    let guard = agent.guard();
    session.assign([(1, argv(["sleep", "1000"]))]).await;
    session.report().await;
    kill(guard, Signal::SIGKILL).expect("it is there");
    leaving(&mut session).await;
    session.assign([(2, shell("echo > ran"))]).await;
    let expected = [(1, Outcome::Stopped), (2, Outcome::Refused)];
    assert_eq!(session.outcomes().await, expected);
    session.acknowledge(session.sequence).await;
    assert_eq!(ended(agent).await.code(), Some(1));
    let log = log(directory.path());
    let why = "the guard process has ended (killed by SIGKILL)";
    assert!(log.contains(why), "{log}");
    assert!(!directory.path().join("ran").exists());
}

#[tokio::test]
async fn a_superseded_agent_kills_what_it_keeps_and_fails() {
    let mut coordinator = Coordinator::start().await;
    let (directory, agent, [ready, life]) = Program::with_fifos(&coordinator, ["ready", "life"]);
    let session = coordinator.session().await;
    let stubborn = shell("exec 3> life; trap '' TERM; echo > ready; while :; do sleep 0.01; done");
    let task = Task {
        grace_ms: 60_000,
        ..Task::from((1, stubborn))
    };
    session.assign([task]).await;
    let held_open = tokio::spawn(read(life));
    read(ready).await;
    session.supersede().await;
    // Perhaps by an older join of its own: the task lives.
    let (session, join) = coordinator.connection().await;
    assert_eq!(join.running.len(), 1);
    assert!(!held_open.is_finished());
    session.supersede().await;
    held_open.await.expect("killed");
    assert_eq!(ended(agent).await.code(), Some(1));
    let log = log(directory.path());
    assert!(log.contains("another agent has joined as node"), "{log}");
}
