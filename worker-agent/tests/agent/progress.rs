//! Tasks that have to report progress.

use drover_proto::v1::{Outcome, task_payload::Run};

use crate::{
    agent::Agent,
    coordinator::Coordinator,
    task::{Task, shell},
};

fn watched(run: Run, progress_timeout_ms: u64) -> Task {
    Task {
        progress_timeout_ms,
        ..Task::from((1, run))
    }
}

#[tokio::test]
async fn who_shows_none_is_killed() {
    let mut coordinator = Coordinator::start().await;
    let agent = Agent::start(&coordinator);
    let mut session = coordinator.session().await;
    let script =
        "test -w \"$DROVER_PROGRESS_FILE\" && echo $DROVER_PROGRESS_FILE > told; sleep 1000";
    session.assign([watched(shell(script), 200)]).await;
    let (_, ended) = session.end().await;
    assert_eq!(ended.outcome(), Outcome::Stalled);
    assert_eq!(ended.message, "no progress for 0.2 s");
    assert!(ended.ended_at_ms - ended.started_at_ms >= 190);
    let told = std::fs::read_to_string(agent.work_dir.path().join("told")).expect("a file");
    assert!(!std::path::Path::new(told.trim()).exists(), "removed");
}

#[tokio::test]
async fn who_shows_some_runs_on() {
    let mut coordinator = Coordinator::start().await;
    let _agent = Agent::start(&coordinator);
    let mut session = coordinator.session().await;
    let script = "for step in 1 2 3 4 5 6; do sleep 0.2; echo $step >> $DROVER_PROGRESS_FILE; done";
    session.assign([watched(shell(script), 1_000)]).await;
    let (_, ended) = session.end().await;
    assert_eq!(ended.outcome(), Outcome::Succeeded, "{ended:?}");
    assert!(ended.ended_at_ms - ended.started_at_ms >= 1_200);
}

#[tokio::test]
async fn who_gets_stuck_later_is_killed_after_its_grace() {
    let mut coordinator = Coordinator::start().await;
    let _agent = Agent::start(&coordinator);
    let mut session = coordinator.session().await;
    let orderly = shell(
        "trap 'exit 7' TERM; sleep 0.1; echo > $DROVER_PROGRESS_FILE; while :; do sleep 0.01; done",
    );
    session.assign([watched(orderly, 300)]).await;
    let (_, ended) = session.end().await;
    assert_eq!(
        (ended.outcome(), ended.exit_code),
        (Outcome::Stalled, Some(7))
    );
    assert!(ended.ended_at_ms - ended.started_at_ms >= 380, "{ended:?}");

    let stubborn = Task {
        grace_ms: 10,
        progress_timeout_ms: 50,
        ..Task::from((2, shell("trap '' TERM; while :; do sleep 0.01; done")))
    };
    session.assign([stubborn]).await;
    let (_, ended) = session.end().await;
    assert_eq!(
        (ended.outcome(), ended.exit_code),
        (Outcome::Stalled, Some(137))
    );
}
