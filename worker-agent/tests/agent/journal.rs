//! What outlives the agent's process.

use std::path::Path;

use drover_proto::v1::{self, Outcome, report::What};

use crate::{
    agent::{Agent, Program, open, read},
    coordinator::Coordinator,
    task::{argv, shell},
};

fn ends(join: &v1::Join) -> Vec<(u32, Outcome)> {
    let reports = join.reports.iter().flat_map(|reports| &reports.reports);
    let ends = reports.filter_map(|report| match &report.what {
        Some(What::Ended(ended)) => Some((report.key.as_ref()?.task, ended.outcome())),
        _ => None,
    });
    ends.collect()
}

/// Refuses connections until a join holds ends.
async fn join_with_ends(coordinator: &mut Coordinator) -> v1::Join {
    loop {
        let (_refused, join) = coordinator.connection().await;
        if !ends(&join).is_empty() {
            return join;
        }
    }
}

fn journal(directory: &Path) -> Vec<u8> {
    std::fs::read(directory.join("state/journal")).expect("there")
}

#[tokio::test]
async fn what_ended_while_disconnected_survives_a_kill_of_the_agent() {
    let mut coordinator = Coordinator::start().await;
    let (directory, mut agent, [ready, gate]) =
        Program::with_fifos(&coordinator, ["ready", "gate"]);
    let session = coordinator.session().await;
    let empty = journal(directory.path());
    session
        .assign([
            (1, shell("echo > ready; read line < gate")),
            (2, argv(["sleep", "1000"])),
        ])
        .await;
    read(ready).await;
    drop(session);
    open(gate).await;
    let first = join_with_ends(&mut coordinator).await;
    assert_eq!(ends(&first), [(1, Outcome::Succeeded)]);
    agent.kill();
    assert_ne!(journal(directory.path()), empty);

    let mut agent = Program::start(&coordinator, directory.path());
    // What the killed one began may come first.
    let (mut session, join) = coordinator.next_incarnation(&first).await;
    assert!(join.incarnation > first.incarnation);
    assert_eq!(ends(&join), [(1, Outcome::Succeeded)]);
    assert_eq!(join.reports.as_ref().expect("present").sequence, 1);
    assert_eq!(join.running, [], "task 2 died with the agent");
    session.welcome(1, vec![]).await;
    session.acknowledge(1).await;
    // The answer shows that the acknowledgement was taken.
    session.stop(9, 0).await;
    assert_eq!(session.end().await.0, 9);
    assert_eq!(journal(directory.path()), empty);
    agent.kill();

    let _agent = Program::start(&coordinator, directory.path());
    assert_eq!(ends(&coordinator.connection().await.1), []);
}

#[tokio::test]
async fn what_ends_while_an_agent_leaves_is_kept_for_the_next() {
    let mut coordinator = Coordinator::start().await;
    let (directory, agent, [ready]) = Program::with_fifos(&coordinator, ["ready"]);
    let session = coordinator.session().await;
    session
        .assign([(1, shell("echo > ready; sleep 1000"))])
        .await;
    read(ready).await;
    drop(session);
    // Not welcomed: it cannot report.
    let (_waiting, before) = coordinator.connection().await;
    agent.signal(nix::sys::signal::Signal::SIGTERM);
    agent.ended();
    let _agent = Program::start(&coordinator, directory.path());
    let (_session, join) = coordinator.next_incarnation(&before).await;
    assert_eq!(ends(&join), [(1, Outcome::Stopped)]);
}

#[tokio::test]
async fn an_agent_without_a_task_leaves_nothing_but_its_state() {
    let mut coordinator = Coordinator::start().await;
    let agent = Agent::start(&coordinator);
    let session = coordinator.session().await;
    agent.shutdown.cancel();
    drop(session);
    agent.task.await.expect("no panic").expect("left in order");
    let files = std::fs::read_dir(agent.work_dir.path().join("state")).expect("there");
    let mut names: Vec<_> = files
        .map(|file| file.expect("readable").file_name())
        .collect();
    names.retain(|name| name != "cgroup");
    names.sort();
    assert_eq!(names, ["incarnation", "journal", "lock"]);
}
