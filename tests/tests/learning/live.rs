//! A load changes its nature, and the policy follows.

use std::{collections::BTreeSet, path::Path};

use drover_proto::v1::{JobSpec, PolicyEventKind};
use drover_tests::{Cluster, Process, Settings, learner};
use tokio::time::{Instant, sleep_until};

use crate::{
    calls::{force, history, serve},
    load::{BETWEEN_BURSTS, Load, judge, submit},
    networks::longest_first,
};

const SEED: u64 = 11;
/// Before the nature changes.
const STEADY: usize = 4;
/// By then the learner must have found something.
const MOST_BURSTS: usize = 45;
/// First the one in whose midst the policy was changed.
const MEASURED: usize = 6;

/// Both begin with a policy that is bad for what comes later, and neither is rolled back by its guard.
async fn cluster() -> Cluster {
    let settings = Settings::agents(2).coordinator(["--guard-interval=1h", "--lease=20s"]);
    let cluster = settings.on_sqlite().await;
    force(&cluster, "longest-first", &longest_first()).await;
    cluster
}

fn start(learner: &Path, cluster: &Cluster) -> Process {
    let arguments = [
        "--interval=1s",
        "--jobs=200",
        "--min-jobs=40",
        "--generations=2",
        "--seed=1",
    ];
    let command = serve(learner, cluster, arguments);
    Process::start("learner", cluster.directory(), command)
}

/// The same jobs at the same time for both.
struct Twins {
    learning: Cluster,
    control: Cluster,
    next: Instant,
}

impl Twins {
    async fn submit(&mut self, jobs: &[JobSpec]) {
        sleep_until(self.next).await;
        self.next += BETWEEN_BURSTS;
        tokio::join!(submit(&self.learning, jobs), submit(&self.control, jobs));
    }
}

#[tokio::test]
async fn a_load_changes_its_nature_and_what_was_learned_is_better() {
    let Some(program) = learner() else {
        return;
    };
    let mut twins = Twins {
        learning: cluster().await,
        control: cluster().await,
        next: Instant::now(),
    };
    let mut learner = start(&program, &twins.learning);
    let mut load = Load::new(SEED);
    for _ in 0..STEADY {
        twins.submit(&load.steady()).await;
    }
    let mut bursts = 0;
    while !learner.log().contains(" is promoted: ") {
        assert_eq!(learner.try_wait(), None, "{}", learner.log());
        assert!(bursts < MOST_BURSTS, "{}", learner.log());
        twins.submit(&load.burst()).await;
        bursts += 1;
    }
    eprintln!("promoted after {bursts} bursts:\n{}", learner.log());
    assert!(learner.terminate().await.success(), "{}", learner.log());
    let mut measured = BTreeSet::new();
    for number in 0..=MEASURED {
        let jobs = load.burst();
        twins.submit(&jobs).await;
        if number > 0 {
            measured.extend(jobs.into_iter().map(|job| job.name));
        }
    }
    let with = judge(&twins.learning, &measured).await;
    let without = judge(&twins.control, &measured).await;
    eprintln!(
        "J of {} jobs: {with:.3} with what was learned, {without:.3} without",
        measured.len()
    );
    assert!(
        with < 0.6 * without,
        "{with} with what was learned, {without} without"
    );
    assert_eq!(twins.control.status().await.policy, "longest-first");
    promoted_by_the_gate(&twins.learning).await;
}

async fn promoted_by_the_gate(cluster: &Cluster) {
    let events = history(cluster).await;
    let newest = &events[0];
    assert_eq!(newest.kind(), PolicyEventKind::Promote, "{events:?}");
    assert_eq!(
        (&*newest.who, &*newest.from_version),
        ("gate", "longest-first")
    );
    assert_eq!(newest.to_version, cluster.status().await.policy);
    let shown = cluster
        .run(["policy", "show", &newest.to_version])
        .await
        .succeeded();
    assert!(
        shown.contains("drover-learner serve --interval 1s"),
        "{shown}"
    );
}
