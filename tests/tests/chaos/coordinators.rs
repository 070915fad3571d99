//! A coordinator that dies, again and again or for long.

use std::{collections::BTreeSet, time::Duration};

use drover_proto::v1::{AttemptState, JobSpec, JobState, OnDisconnect};
use drover_tests::{Cluster, Load, Random, Settings, chain, deed, job, script, simulated, until};

const KILLS: usize = 20;

/// A simulated load, a command, and another load.
fn three_steps(name: &str) -> JobSpec {
    chain(name, vec![simulated("a", 20), deed("b"), simulated("c", 5)])
}

#[tokio::test]
async fn killed_twenty_times_in_a_row_on_sqlite() {
    is_killed_again_and_again(Settings::agents(3).fast().on_sqlite().await).await;
}

#[tokio::test]
async fn killed_twenty_times_in_a_row_on_postgres() {
    if let Some(cluster) = Settings::agents(3).fast().on_postgres().await {
        is_killed_again_and_again(cluster).await;
    }
}

async fn is_killed_again_and_again(mut cluster: Cluster) {
    let mut random = Random::seeded();
    let load = Load::start(&cluster, 3, three_steps);
    for _ in 0..KILLS {
        load.goes_on(1 + random.below(12)).await;
        cluster.crash_coordinator().await;
    }
    load.goes_on(1).await;
    let submitted = load.stop().await;
    eprintln!("{} jobs across {KILLS} kills", submitted.len());
    let audited = cluster.audit_deeds(&submitted).await;
    for job in &audited.jobs {
        assert_eq!(job.state(), JobState::Succeeded, "{job:?}");
    }
    // Nobody was away for longer than the node timeout.
    let lost = audited.attempts.iter().filter(|one| one.state == "lost");
    assert_eq!(lost.count(), 0);
    assert_eq!(cluster.counter("reloads").await, 0, "of the last one");
    assert_eq!(cluster.counter("leaderships").await, 1, "of the last one");
}

#[tokio::test]
async fn long_absence_of_the_coordinator_on_sqlite() {
    is_away_for_long(Settings::agents(1).fast().on_sqlite().await).await;
}

#[tokio::test]
async fn long_absence_of_the_coordinator_on_postgres() {
    if let Some(cluster) = Settings::agents(1).fast().on_postgres().await {
        is_away_for_long(cluster).await;
    }
}

/// What is told to keep is not disturbed, and its success is recorded afterwards. What is told to stop is killed by its
/// agent, and runs again.
async fn is_away_for_long(mut cluster: Cluster) {
    const AWAY: Duration = Duration::from_secs(60);
    let mut keep = script(
        "t",
        "until test -e stop; do date +%s%3N >> beats; sleep 0.1; done",
    );
    keep.on_disconnect = OnDisconnect::Keep.into();
    let mut stop = script(
        "t",
        "test $DROVER_ATTEMPT = 1 || exit 0; echo >> stopping; sleep 1000",
    );
    stop.on_disconnect = OnDisconnect::Stop.into();
    let keep = cluster.submit_spec(job("keep", vec![keep])).await;
    let stop = cluster.submit_spec(job("stop", vec![stop])).await;
    until("both to run", async || {
        let both = !cluster.read("beats").is_empty() && !cluster.read("stopping").is_empty();
        both.then_some(())
    })
    .await;
    for id in [&keep, &stop] {
        let runs = |job: &drover_proto::v1::Job| job.state() == JobState::Running;
        cluster.job_when(id, runs).await;
    }
    cluster.coordinator().kill().await;
    tokio::time::sleep(AWAY).await;
    let living = cluster.mark().processes();
    let still = |id: &String| {
        let of =
            |process: &&drover_tests::Marked| process.environment.get("DROVER_JOB_ID") == Some(id);
        living.iter().filter(of).count()
    };
    assert_eq!(still(&stop), 0, "it has fenced itself");
    assert!(still(&keep) > 0, "it runs on");
    cluster.start_coordinator().await;
    let stopped = cluster
        .job_when(&stop, |job| job.state() == JobState::Succeeded)
        .await;
    let states: Vec<AttemptState> = stopped.tasks[0]
        .attempts
        .iter()
        .map(|one| one.state())
        .collect();
    assert_eq!(states, [AttemptState::Lost, AttemptState::Succeeded]);
    cluster.write("stop", "");
    let kept = cluster
        .job_when(&keep, |job| job.state() == JobState::Succeeded)
        .await;
    assert_eq!(kept.tasks[0].attempts.len(), 1, "{kept:?}");
    assert_eq!(cluster.counter("fenced_attempts").await, 1);
    assert_eq!(cluster.counter("lost_nodes").await, 0);
    longest_pause(&cluster.read("beats"), AWAY);
    cluster.audit(&BTreeSet::from([keep, stop])).await;
}

/// It beat ten times a second, all the time.
fn longest_pause(beats: &str, at_least: Duration) {
    let beats: Vec<u64> = beats
        .lines()
        .map(|line| line.parse().expect("a time"))
        .collect();
    let lasted = Duration::from_millis(beats[beats.len() - 1] - beats[0]);
    assert!(lasted >= at_least, "{lasted:?}");
    let pauses = beats.windows(2).map(|pair| pair[1] - pair[0]);
    let longest = Duration::from_millis(pauses.max().expect("many beats"));
    eprintln!(
        "{} beats in {lasted:?}, the longest pause was {longest:?}",
        beats.len()
    );
    // Ten times what it should be: other tests use the machine as well.
    assert!(longest < Duration::from_secs(1), "{longest:?}");
}
