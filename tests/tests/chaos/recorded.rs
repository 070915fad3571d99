//! What a coordinator recorded of a chaotic run, stepped again, gives the same effects.

use std::{collections::BTreeSet, path::Path};

use drover_model::{
    cluster::Cluster as Model,
    record::{self, Line},
    turn::{CommitOutcome, Turn},
};
use drover_proto::v1::{FailureRule, JobSpec, NodeState, UndoStep, task_spec, undo_step};
use drover_tests::{Cluster, Load, Settings, chain, deed, simulated};
use nix::sys::signal::Signal;

/// Fails in its last task, and is rolled back.
fn rolls_back(name: &str) -> JobSpec {
    let mut done = simulated("done", 10);
    let Some(task_spec::Run::Simulate(load)) = done.run.clone() else {
        unreachable!("it is simulated");
    };
    done.undo = Some(UndoStep {
        run: Some(undo_step::Run::Simulate(load)),
        ..UndoStep::default()
    });
    let mut fails = simulated("fails", 5);
    if let Some(task_spec::Run::Simulate(load)) = &mut fails.run {
        load.failure_chance = 1.0;
    }
    JobSpec {
        on_failure: FailureRule::Rollback.into(),
        ..chain(name, vec![done, deed("b"), fails])
    }
}

#[tokio::test]
async fn a_recorded_run_replays_to_the_same_effects_on_sqlite() {
    let settings = Settings::agents(3)
        .fast()
        .coordinator(["--record", "record"]);
    is_recorded(settings.on_sqlite().await).await;
}

#[tokio::test]
async fn a_recorded_run_replays_to_the_same_effects_on_postgres() {
    let settings = Settings::agents(3)
        .fast()
        .coordinator(["--record", "record"]);
    if let Some(cluster) = settings.on_postgres().await {
        is_recorded(cluster).await;
    }
}

async fn is_recorded(mut cluster: Cluster) {
    let load = Load::start(&cluster, 3, rolls_back);
    load.goes_on(15).await;
    cluster.crash_coordinator().await;
    load.goes_on(15).await;
    cluster.agent("n1").kill().await;
    cluster.agent("n2").signal(Signal::SIGSTOP);
    cluster.node_is("n2", NodeState::Lost).await;
    cluster.start_agent("n1");
    cluster.agent("n2").signal(Signal::SIGCONT);
    cluster.node_is("n2", NodeState::Ready).await;
    load.goes_on(15).await;
    assert_eq!(cluster.coordinator().terminate().await.code(), Some(0));
    cluster.start_coordinator().await;
    load.goes_on(5).await;
    let submitted: BTreeSet<String> = load.stop().await;
    cluster.audit_deeds(&submitted).await;
    assert_eq!(cluster.coordinator().terminate().await.code(), Some(0));
    let (leaderships, turns, events) = replay(&cluster.directory().join("record"));
    eprintln!(
        "{events} events of {turns} turns in {leaderships} leaderships gave the same effects"
    );
    assert_eq!(leaderships, 3);
    assert!(turns > 100 && events > 100);
}

/// Compares the digest of every turn. How much there was of everything.
fn replay(file: &Path) -> (usize, usize, usize) {
    let text = std::fs::read(file).expect("a record");
    let mut leadership = None;
    let (mut leaderships, mut turns, mut events) = (0, 0, 0);
    for line in text.split(|byte| *byte == b'\n') {
        // The coordinator was killed while it wrote this line, or the line is the end of the file.
        let Ok(line) = serde_json::from_slice::<Line<'_>>(line) else {
            continue;
        };
        match line {
            Line::Load {
                now,
                settings,
                snapshot,
            } => {
                let config = settings.config().expect("a policy of this build");
                let turn = Turn::new(snapshot.epoch, snapshot.turn);
                let model = Model::load(config, snapshot.into_owned(), now);
                leadership = Some((model, turn));
                leaderships += 1;
            }
            Line::Event { now, event } => {
                let (model, turn) = leadership.as_mut().expect("a record begins with a load");
                model.step(now, event.into_owned(), turn.effects());
                events += 1;
            }
            Line::Sealed {
                turn: number,
                now,
                digest,
            } => {
                let (_, turn) = leadership.as_mut().expect("a record begins with a load");
                if turn.in_flight().is_some() {
                    turn.committed_as(CommitOutcome::Done);
                }
                let (sealed, replayed) = record::seal(turn, now);
                assert_eq!((sealed.turn, replayed), (number, digest));
                turns += 1;
            }
        }
    }
    (leaderships, turns, events)
}
