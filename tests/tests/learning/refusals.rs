//! Learners that have nobody to learn from.

use drover_proto::v1::JobState;
use drover_tests::{Address, Process, Settings, clean_command, learner, until};

use crate::{
    calls::{serve, to_the_end},
    load::{Load, submit},
};

#[tokio::test]
async fn where_nobody_answers_that_is_said() {
    let Some(program) = learner() else {
        return;
    };
    let mut command = clean_command(program);
    let url = Address::unique().url();
    command.args(["serve", "--once", "--coordinator", &url]);
    let problem = to_the_end(command).await.failed_with(1);
    let expected = format!("error: no coordinator answers at {url}");
    assert!(problem.starts_with(&expected), "{problem}");
    assert!(problem.contains("does one run there?"), "{problem}");
}

#[tokio::test]
async fn it_waits_for_jobs_and_for_coordinators_and_ends_when_it_is_told() {
    let Some(program) = learner() else {
        return;
    };
    let mut cluster = Settings::agents(0).on_sqlite().await;
    let command = serve(&program, &cluster, ["--interval=100ms"]);
    let mut learner = Process::start("learner", cluster.directory(), command);
    learner
        .said("waits: 0 jobs have ended, and 200 are needed")
        .await;
    cluster.coordinator().kill().await;
    learner.said("; again in 1 s").await;
    let before = learner.log().len();
    cluster.start_coordinator().await;
    until("the learner to go on", async || {
        learner.log()[before..].contains("waits: ").then_some(())
    })
    .await;
    assert!(learner.terminate().await.success(), "{}", learner.log());
    assert_eq!(cluster.status().await.policy, "edf");
}

/// One that would take hours.
#[tokio::test]
async fn a_training_under_way_ends_at_once() {
    let Some(program) = learner() else {
        return;
    };
    let cluster = Settings::agents(2).on_sqlite().await;
    let mut load = Load::new(13);
    for _ in 0..3 {
        submit(&cluster, &load.steady()).await;
    }
    until("the jobs to end", async || {
        let jobs = cluster.all_jobs().await;
        let ended = jobs.iter().all(|job| job.state() == JobState::Succeeded);
        ended.then_some(())
    })
    .await;
    let command = serve(&program, &cluster, ["--jobs=30", "--generations=10000"]);
    let mut learner = Process::start("learner", cluster.directory(), command);
    until("the learner to simulate", async || {
        // One that talks, one that searches, one that simulates.
        (learner.threads() >= 3).then_some(())
    })
    .await;
    assert!(learner.terminate().await.success(), "{}", learner.log());
    assert_eq!(learner.log(), "", "it had come to nothing yet");
}
