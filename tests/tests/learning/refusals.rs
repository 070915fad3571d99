//! Learners that have nobody to learn from.

use drover_tests::{Address, Process, Settings, clean_command, learner};

use crate::calls::{serve, to_the_end};

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
    drover_tests::until("the learner to go on", async || {
        learner.log()[before..].contains("waits: ").then_some(())
    })
    .await;
    assert!(learner.terminate().await.success(), "{}", learner.log());
    assert_eq!(cluster.status().await.policy, "edf");
}
