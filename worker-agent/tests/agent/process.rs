//! Commands, their groups, and how they end.

use std::{fs, os::unix::fs::PermissionsExt as _, time::Duration};

use bytes::Bytes;
use drover_proto::v1::{self, Outcome, task_payload::Run};

use crate::{
    agent::{Agent, Program, read},
    coordinator::Coordinator,
    task::{Task, argv, command, shell},
};

#[tokio::test]
async fn a_command_knows_who_it_is() {
    let mut coordinator = Coordinator::start().await;
    let agent = Agent::start(&coordinator);
    let mut session = coordinator.session().await;
    fs::create_dir(agent.work_dir.path().join("sub")).expect("created");
    let script = "echo $DROVER_JOB_ID $DROVER_JOB_NAME $DROVER_TASK $DROVER_ATTEMPT $DROVER_NODE $TRACEPARENT \
                  $OWN $0 $1 $(basename $PWD) > told";
    let mut run = command([script, "parameter"], true);
    run.env
        .insert("OWN".to_owned(), Bytes::from_static(b"value"));
    run.cwd = Bytes::from_static(b"sub");
    session.assign([(1, Run::Command(run))]).await;
    let (_, ended) = session.end().await;
    assert_eq!(ended.outcome(), Outcome::Succeeded, "{ended:?}");
    assert_eq!(ended.exit_code, Some(0));
    let told = fs::read_to_string(agent.work_dir.path().join("sub/told")).expect("written");
    assert_eq!(
        told,
        "00000000-0000-0000-0000-0000000000ab nightly extract 1 n1 00-trace-01 value sh parameter sub\n"
    );
}

#[tokio::test]
async fn failures_say_what_happened() {
    let mut coordinator = Coordinator::start().await;
    let agent = Agent::start(&coordinator);
    let mut session = coordinator.session().await;
    fs::write(agent.work_dir.path().join("plain"), "text").expect("written");
    let mut lost = command(["true"], false);
    lost.cwd = Bytes::from_static(b"/does/not/exist");
    for (task, run, exit_code, words) in [
        (1, shell("exit 3"), Some(3), "exited with code 3"),
        (2, shell("kill -9 $$"), Some(137), "killed by signal 9"),
        (
            3,
            argv(["no-such-program"]),
            None,
            "`no-such-program`: no such program on node n1",
        ),
        (
            4,
            Run::Command(lost),
            None,
            "directory `/does/not/exist` does not exist",
        ),
        (5, argv(["./plain"]), None, "permission denied"),
    ] {
        session.assign([(task, run)]).await;
        let (ended_task, ended) = session.end().await;
        assert_eq!((ended_task, ended.outcome()), (task, Outcome::Failed));
        assert_eq!(ended.exit_code, exit_code);
        assert!(ended.message.contains(words), "{}", ended.message);
    }
}

#[tokio::test]
async fn nothing_of_a_group_outlives_its_first_process() {
    let mut coordinator = Coordinator::start().await;
    let agent = Agent::start(&coordinator);
    let life = agent.fifo("life");
    let mut session = coordinator.session().await;
    // The background process holds the fifo open: reading ends when it is gone.
    let held_open = tokio::spawn(read(life));
    session
        .assign([(1, shell("exec 3> life; sleep 1000 & exit 0"))])
        .await;
    let (_, ended) = session.end().await;
    assert_eq!(ended.outcome(), Outcome::Succeeded);
    held_open.await.expect("the background process was killed");
}

#[tokio::test]
async fn a_stop_terminates_and_then_kills() {
    let mut coordinator = Coordinator::start().await;
    let agent = Agent::start(&coordinator);
    let ready = agent.fifo("ready");
    let mut session = coordinator.session().await;

    session
        .assign([(
            1,
            shell(
                "trap 'echo term > seen; exit 0' TERM; echo > ready; while :; do sleep 0.01; done",
            ),
        )])
        .await;
    read(ready.clone()).await;
    session.stop(1, 60_000).await;
    let (_, ended) = session.end().await;
    assert_eq!(
        (ended.outcome(), ended.exit_code),
        (Outcome::Stopped, Some(0))
    );
    let seen = fs::read_to_string(agent.work_dir.path().join("seen")).expect("terminated first");
    assert_eq!(seen, "term\n");

    session
        .assign([(
            2,
            shell("trap '' TERM; echo > ready; while :; do sleep 0.01; done"),
        )])
        .await;
    read(ready).await;
    session.stop(2, 10).await;
    let (_, ended) = session.end().await;
    assert_eq!(ended.outcome(), Outcome::Stopped);
    assert_eq!(ended.message, "killed by signal 9");
}

fn stress() -> Run {
    Run::Stress(v1::Stress {
        cpu: 1,
        memory_bytes: 0,
        duration: Some(Duration::from_secs(1).into()),
    })
}

#[tokio::test]
async fn the_guard_kills_what_a_killed_agent_leaves() {
    let mut coordinator = Coordinator::start().await;
    let (_directory, mut agent, [life, ready]) =
        Program::with_fifos(&coordinator, ["life", "ready"]);
    let session = coordinator.session().await;
    let held_open = tokio::spawn(read(life));
    session
        .assign([(
            1,
            shell("exec 3> life; sleep 1000 & echo > ready; sleep 1000"),
        )])
        .await;
    read(ready).await;
    agent.kill();
    held_open.await.expect("the whole group was killed");
}

#[tokio::test]
async fn a_process_that_moves_to_the_group_of_the_agent_is_stopped() {
    if std::process::Command::new("perl")
        .arg("-v")
        .output()
        .is_err()
    {
        return eprintln!("SKIPPED: no perl, in which a process can change its group");
    }
    let mut coordinator = Coordinator::start().await;
    let agent = Agent::start(&coordinator);
    let ready = agent.fifo("ready");
    let mut session = coordinator.session().await;
    let script = "setpgrp(0, getpgrp(getppid())); open(F, '>ready'); close(F); sleep 1000";
    session.assign([(1, argv(["perl", "-e", script]))]).await;
    read(ready).await;
    session.stop(1, 60_000).await;
    let (_, ended) = session.end().await;
    assert_eq!(ended.outcome(), Outcome::Stopped);
    assert_eq!(ended.message, "killed by signal 15", "it heard of it");
}

#[tokio::test]
async fn each_attempt_has_a_grace_of_its_own() {
    let mut coordinator = Coordinator::start().await;
    let agent = Agent::start(&coordinator);
    let [ready, patient] = ["ready", "patient"].map(|name| agent.fifo(name));
    let mut session = coordinator.session().await;
    for (task, trap) in [(1, "read line < patient; exit 7"), (2, "")] {
        let script = format!("trap '{trap}' TERM; echo > ready; while :; do sleep 0.01; done");
        session.assign([(task, shell(&script))]).await;
        read(ready.clone()).await;
    }
    session.stop_all([(1, 60_000), (2, 10)]).await;
    let (task, ended) = session.end().await;
    assert_eq!((task, &*ended.message), (2, "killed by signal 9"));
    crate::agent::open(patient).await;
    let (task, ended) = session.end().await;
    assert_eq!((task, ended.exit_code), (1, Some(7)), "it had its time");
}

#[tokio::test]
async fn an_undo_step_knows_that_it_is_one() {
    let mut coordinator = Coordinator::start().await;
    let agent = Agent::start(&coordinator);
    let mut session = coordinator.session().await;
    for (number, undo, told) in [(1, false, "[] []\n"), (2, true, "[1] []\n")] {
        let script = shell("echo [$DROVER_UNDO] [$DROVER_PROGRESS_FILE] > told");
        let task = Task {
            undo,
            ..Task::from((number, script))
        };
        session.assign([task]).await;
        session.end().await;
        let path = agent.work_dir.path().join("told");
        assert_eq!(fs::read_to_string(path).expect("written"), told);
    }
}

#[tokio::test]
async fn an_instance_knows_which_it_is() {
    let mut coordinator = Coordinator::start().await;
    let agent = Agent::start(&coordinator);
    let mut session = coordinator.session().await;
    let of = |peers: &[&str], ring| v1::Assign {
        index: Some(2),
        count: 3,
        peers: peers.iter().map(ToString::to_string).collect(),
        ring,
        ..Default::default()
    };
    let cases = [
        (v1::Assign::default(), "extract\n"),
        (
            of(&[], false),
            "extract[2]\nDROVER_ARRAY_COUNT=3\nDROVER_ARRAY_INDEX=2\n",
        ),
        (
            v1::Assign {
                gang: true,
                ..of(&[], false)
            },
            "extract[2]\nDROVER_GANG_RANK=2\nDROVER_GANG_SIZE=3\n",
        ),
        (
            of(&["a", "b", "c"], false),
            "extract[2]\nDROVER_GANG_PEERS=a,b,c\nDROVER_GANG_RANK=2\nDROVER_GANG_SIZE=3\n",
        ),
        (
            of(&["a", "b", "c"], true),
            "extract[2]\nDROVER_GANG_LEFT=b\nDROVER_GANG_PEERS=a,b,c\nDROVER_GANG_RANK=2\nDROVER_GANG_RIGHT=a\n\
             DROVER_GANG_SIZE=3\n",
        ),
    ];
    for (number, (place, told)) in (1..).zip(cases) {
        let script = "{ echo $DROVER_TASK; env | grep -E 'DROVER_(ARRAY|GANG)' | sort; } > told";
        let task = Task {
            place,
            ..Task::from((number, shell(script)))
        };
        session.assign([task]).await;
        session.end().await;
        let path = agent.work_dir.path().join("told");
        assert_eq!(fs::read_to_string(path).expect("written"), told);
    }
}

/// No variable could hold them.
#[tokio::test]
async fn the_addresses_of_a_large_gang_are_in_a_file() {
    let mut coordinator = Coordinator::start().await;
    let agent = Agent::start(&coordinator);
    let mut session = coordinator.session().await;
    let peers: Vec<String> = (0..1_000)
        .map(|rank| format!("{rank}.{}", "x".repeat(250)))
        .collect();
    let script = "echo $DROVER_GANG_RANK ${DROVER_GANG_PEERS-none} $DROVER_GANG_LEFT > told; \
                  echo $DROVER_GANG_PEERS_FILE >> told; cp $DROVER_GANG_PEERS_FILE addresses";
    let task = Task {
        place: v1::Assign {
            index: Some(1),
            count: 1_000,
            gang: true,
            ring: true,
            peers: peers.clone(),
            ..Default::default()
        },
        ..Task::from((1, shell(script)))
    };
    session.assign([task]).await;
    let (_, ended) = session.end().await;
    assert_eq!(ended.outcome(), Outcome::Succeeded, "{ended:?}");
    let read = |name| fs::read_to_string(agent.work_dir.path().join(name)).expect("written");
    let told = read("told");
    let (variables, file) = told.trim().split_once('\n').expect("two lines");
    assert_eq!(variables, format!("1 none {}", peers[0]));
    assert_eq!(read("addresses").lines().collect::<Vec<_>>(), peers);
    assert!(!fs::exists(file).expect("readable"), "{file} is left");
}

#[tokio::test]
async fn stress_ng_is_missed_with_advice() {
    let mut coordinator = Coordinator::start().await;
    let work_dir = tempfile::tempdir().expect("a directory");
    let mut command = Program::command(&coordinator.address, work_dir.path(), "/nonexistent");
    let _agent = Program::spawn(&mut command);
    let mut session = coordinator.session().await;
    session.assign([(1, stress())]).await;
    let (_, ended) = session.end().await;
    assert_eq!(
        ended.message,
        "stress-ng is not installed on node n1: install the package stress-ng, or start the agent with --simulate"
    );
}

#[tokio::test]
async fn what_stress_ng_measured_is_reported() {
    let mut coordinator = Coordinator::start().await;
    let work_dir = tempfile::tempdir().expect("a directory");
    let program = work_dir.path().join("stress-ng");
    let script = "#!/bin/sh\necho \"$@\" > asked\necho 'stress-ng: metrc: [1] cpu 42 1.00 1.00 0.00 42.00 42.00'\n";
    fs::write(&program, script).expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("executable");
    let path = work_dir.path().to_str().expect("UTF-8").to_owned();
    let mut command = Program::command(&coordinator.address, work_dir.path(), &path);
    let _agent = Program::spawn(&mut command);
    let mut session = coordinator.session().await;
    session.assign([(1, stress())]).await;
    let (_, ended) = session.end().await;
    assert_eq!(ended.outcome(), Outcome::Succeeded, "{ended:?}");
    assert_eq!(ended.message, "cpu 42 bogo ops in 1.00 s");
    let asked = fs::read_to_string(work_dir.path().join("asked")).expect("it ran");
    assert_eq!(asked, "--cpu 1 --timeout 1s --metrics-brief\n");
}

#[tokio::test]
async fn simulated_stress_needs_no_program() {
    let mut coordinator = Coordinator::start().await;
    let work_dir = tempfile::tempdir().expect("a directory");
    let mut command = Program::command(&coordinator.address, work_dir.path(), "/nonexistent");
    let _agent = Program::spawn(command.arg("--simulate"));
    let mut session = coordinator.session().await;
    session.assign([(1, stress())]).await;
    let (_, ended) = session.end().await;
    assert_eq!(ended.outcome(), Outcome::Succeeded);
    assert!(ended.ended_at_ms - ended.started_at_ms >= 1_000);
}
