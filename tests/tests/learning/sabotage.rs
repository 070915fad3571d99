//! Weights that do harm.

use drover_proto::v1::PolicyEventKind;
use drover_tests::{Cluster, Settings, learner};
use tokio::time::{Instant, sleep_until};

use crate::{
    calls::{history, serve, to_the_end},
    load::{BETWEEN_BURSTS, BURST, Load, submit},
    networks::random,
};

const SEED: u64 = 12;
/// As many jobs as the learner reads.
const BEFORE: usize = 5;
/// Nine blocks are enough for much harm, and the first is load only.
const MOST_BURSTS: usize = 40;

#[tokio::test]
async fn what_does_harm_is_refused_and_when_forced_in_rolled_back() {
    let Some(program) = learner() else {
        return;
    };
    let jobs = BURST.to_string();
    let guarded = [
        "--policy=sjf",
        "--guard-interval=200ms",
        "--lease=20s",
        "--guard-jobs",
        &jobs,
    ];
    let cluster = Settings::agents(2).coordinator(guarded).on_sqlite().await;
    let mut load = Load::new(SEED);
    let mut next = Instant::now();
    for _ in 0..BEFORE {
        burst(&cluster, &mut load, &mut next).await;
    }
    std::fs::write(cluster.directory().join("weights"), random()).expect("writes");
    let arguments = ["--once", "--candidate=weights", "--min-jobs=100"];
    let offered = to_the_end(serve(&program, &cluster, arguments))
        .await
        .succeeded();
    eprintln!("{offered}");
    assert!(
        offered.contains("online-1 is refused: not better with confidence"),
        "{offered}"
    );
    let status = cluster.status().await;
    assert_eq!(status.policy, "sjf", "the policy in use is what it was");
    assert_eq!(history(&cluster).await[0].kind(), PolicyEventKind::Refuse);

    cluster.run(["policy", "use", "online-1"]).await.succeeded();
    let mut bursts = 0;
    while cluster.status().await.policy == "online-1" {
        assert!(bursts < MOST_BURSTS, "the guard does not see the harm");
        burst(&cluster, &mut load, &mut next).await;
        bursts += 1;
    }
    rolled_back(&cluster).await;
}

async fn burst(cluster: &Cluster, load: &mut Load, next: &mut Instant) {
    sleep_until(*next).await;
    *next = Instant::now() + BETWEEN_BURSTS;
    submit(cluster, &load.burst()).await;
}

async fn rolled_back(cluster: &Cluster) {
    let events = history(cluster).await;
    let newest = &events[0];
    eprintln!("{}", newest.why);
    assert_eq!(newest.kind(), PolicyEventKind::FallBack, "{events:?}");
    assert_eq!((&*newest.who, &*newest.from_version), ("guard", "online-1"));
    assert_eq!(newest.to_version, "edf");
    assert!(
        newest.why.contains("times what `edf` would have given"),
        "{}",
        newest.why
    );
}
