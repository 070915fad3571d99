//! Processes that leave the group and session of their attempt.

use std::{
    fs,
    path::{Path, PathBuf},
};

use drover_proto::v1::Outcome;
use nix::sys::signal::{Signal, kill};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::{
    agent::{Agent, Program, read},
    coordinator::{Coordinator, Session},
    task::shell,
};

/// A process in a session of its own, which holds `life` open; the first one goes on when it does.
const FUGITIVE: &str = "setsid sh -c 'exec 3> life; echo > away; sleep 1000' & read line < away";

/// Says so where this host has no cgroups for us: then there is nothing to test.
fn cgroups_work() -> bool {
    let possible = own_cgroup().and_then(|own| {
        let probe = tempfile::Builder::new()
            .prefix("drover-test-")
            .tempdir_in(own)
            .ok()?;
        // Not by its content, which is the kernel's.
        fs::remove_dir(probe.keep()).ok()
    });
    if possible.is_none() {
        eprintln!("SKIPPED: no cgroup v2 in which this user may make another one");
    }
    possible.is_some()
}

fn own_cgroup() -> Option<PathBuf> {
    let own = fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let mount = mounts.lines().find(|line| line.contains(" cgroup2 "))?;
    Some(Path::new(mount.split(' ').nth(1)?).join(own))
}

/// Of the agent that has, or had, its state there.
fn agents_cgroup(directory: &Path) -> PathBuf {
    fs::read_to_string(directory.join("state/cgroup"))
        .expect("it has one")
        .into()
}

/// An agent that runs an attempt, and something of it that has left its session.
struct Fugitive {
    _session: Session,
    agent: Program,
    directory: TempDir,
    /// Ends when it has gone.
    held_open: JoinHandle<String>,
}

impl Fugitive {
    async fn of(coordinator: &mut Coordinator) -> Self {
        let (directory, agent, [life, ready, _]) =
            Program::with_fifos(coordinator, ["life", "ready", "away"]);
        let session = coordinator.session().await;
        let held_open = tokio::spawn(read(life));
        let script = format!("{FUGITIVE}; echo > ready; sleep 1000");
        session.assign([(1, shell(&script))]).await;
        read(ready).await;
        Self {
            _session: session,
            agent,
            directory,
            held_open,
        }
    }
}

#[tokio::test]
async fn what_left_its_session_ends_with_its_attempt() {
    if !cgroups_work() {
        return;
    }
    let mut coordinator = Coordinator::start().await;
    let agent = Agent::start(&coordinator);
    let life = agent.fifo("life");
    agent.fifo("away");
    let mut session = coordinator.session().await;
    let held_open = tokio::spawn(read(life));
    session.assign([(1, shell(FUGITIVE))]).await;
    let (_, ended) = session.end().await;
    assert_eq!(ended.outcome(), Outcome::Succeeded, "{ended:?}");
    held_open.await.expect("killed");
    let cgroup = agents_cgroup(agent.work_dir.path());
    let attempts = fs::read_dir(&cgroup).expect("there");
    let attempts = attempts.flatten().filter(|entry| entry.path().is_dir());
    assert_eq!(attempts.count(), 0, "removed");
    agent.shutdown.cancel();
    drop(session);
    agent.task.await.expect("no panic").expect("left in order");
    assert!(!cgroup.exists(), "nothing is left");
}

#[tokio::test]
async fn what_left_its_session_is_stopped_with_its_attempt() {
    if !cgroups_work() {
        return;
    }
    let mut coordinator = Coordinator::start().await;
    let agent = Agent::start(&coordinator);
    let [life, ready] = ["life", "ready"].map(|name| agent.fifo(name));
    agent.fifo("away");
    let mut session = coordinator.session().await;
    let held_open = tokio::spawn(read(life));
    let script = format!("trap '' TERM; {FUGITIVE}; echo > ready; sleep 1000");
    session.assign([(1, shell(&script))]).await;
    read(ready).await;
    session.stop(1, 10).await;
    let (_, ended) = session.end().await;
    assert_eq!(ended.outcome(), Outcome::Stopped);
    held_open.await.expect("killed");
}

#[tokio::test]
async fn what_left_its_session_ends_with_a_killed_agent() {
    if !cgroups_work() {
        return;
    }
    let mut coordinator = Coordinator::start().await;
    let mut fugitive = Fugitive::of(&mut coordinator).await;
    let log = fs::read_to_string(fugitive.directory.path().join("log")).expect("written");
    assert!(log.contains("every process has a cgroup"), "{log}");
    fugitive.agent.kill();
    fugitive.held_open.await.expect("killed");
}

#[tokio::test]
async fn what_a_killed_agent_and_guard_left_is_ended_by_the_next_agent() {
    if !cgroups_work() {
        return;
    }
    let mut coordinator = Coordinator::start().await;
    let mut fugitive = Fugitive::of(&mut coordinator).await;
    let directory = fugitive.directory.path();
    let cgroup = agents_cgroup(directory);
    // The guard first, or it would do its duty.
    for child in fugitive.agent.children() {
        let _ = kill(child, Signal::SIGKILL);
    }
    fugitive.agent.kill();
    assert!(
        !fugitive.held_open.is_finished(),
        "nobody is left who could"
    );
    let _agent = Program::start(&coordinator, directory);
    fugitive.held_open.await.expect("killed");
    coordinator.session().await;
    assert!(!cgroup.exists());
}
