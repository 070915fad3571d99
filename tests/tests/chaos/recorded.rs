//! What a coordinator recorded of a chaotic run, stepped again, gives the same effects.

use std::{collections::BTreeSet, fs::File, io::BufReader};

use drover_proto::v1::{FailureRule, JobSpec, NodeState, UndoStep, task_spec, undo_step};
use drover_sim::replay::replay;
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
    let record = File::open(cluster.directory().join("record")).expect("a record");
    let replayed = replay(BufReader::new(record)).unwrap_or_else(|error| panic!("{error}"));
    eprintln!("the same effects: {replayed:?}");
    assert_eq!((replayed.leaderships, replayed.panics), (3, 0));
    assert!(replayed.turns > 100 && replayed.events > 100);
}
