//! What a live cluster did is exported, and can be simulated.

use drover_proto::v1::JobState;
use drover_sim::{
    simulate::{self, Options},
    trace::{Runs, Wide, history},
};
use drover_tests::{Cluster, Process, Settings};
use nix::sys::signal::Signal;

const DONE: &str = "\
name: done
labels: {owner: ann}
tasks:
  first: {simulate: {seconds: 0.03}, resources: {cpu: 0.5}}
  wide: {command: ['true'], array: {count: 3}, needs: [first]}
";
const DEAD: &str = "\
name: dead
queue: nightly
tasks:
  fails: {command: ['false'], retries: {max: 1, backoff: 1ms}}
  never: {command: ['true'], needs: [fails]}
";
const OPEN: &str = "\
name: open
tasks:
  waits: {command: ['true'], estimate: 90s, constraints: {require: class == gpu}}
";

async fn ended(cluster: &Cluster, yaml: &str, state: JobState) {
    let id = cluster.submit(yaml).await;
    cluster.job_when(&id, |job| job.state() == state).await;
}

#[tokio::test]
async fn what_happened_is_exported_and_simulated() {
    let cluster = Settings::agents(1).on_sqlite().await;
    ended(&cluster, DONE, JobState::Succeeded).await;
    ended(&cluster, DEAD, JobState::Failed).await;
    cluster.submit(OPEN).await;
    let text = cluster.run(["trace", "export", "--since", "1h"]).await;
    let text = text.succeeded();
    let (trace, skipped) = history::parse(text.as_bytes(), "mine", false).expect("a history");
    assert_eq!((trace.jobs.len(), skipped.total()), (3, 0), "{text}");
    assert_eq!(&*trace.nodes[0].name, "n1");

    let done = &trace.jobs[0];
    assert_eq!((&*done.owner, done.submitted_ms), ("ann", 0));
    assert_eq!(done.tasks[0].resources.cpu_millis, 500);
    assert!(done.tasks[0].runs.ms(0) >= 30, "{:?}", done.tasks[0].runs);
    assert_eq!(done.tasks[1].wide, Wide::Array);
    assert!(matches!(&done.tasks[1].runs, Runs::Many(runs) if runs.len() == 3));
    assert_eq!(*done.tasks[1].needs, [0]);
    assert!(done.recorded.expect("recorded").succeeded);

    let dead = &trace.jobs[1];
    assert_eq!((&*dead.owner, dead.tasks.len()), ("nightly", 1));
    let recorded = dead.recorded.expect("recorded");
    assert!(!recorded.succeeded && recorded.ended_ms.is_some());

    let open = &trace.jobs[2];
    assert_eq!(open.tasks[0].runs, Runs::One(90_000));
    assert_eq!(open.recorded.expect("recorded").ended_ms, None);

    let outcome = simulate::simulate(&trace, &Options::default()).expect("it can be simulated");
    let ends: Vec<bool> = outcome
        .jobs
        .iter()
        .map(|job| job.ended_ms.is_some())
        .collect();
    assert_eq!(ends, [true, true, false], "nothing has the class gpu");
}

#[tokio::test]
async fn an_export_keeps_to_its_queue_and_its_time() {
    let cluster = Settings::agents(1).on_sqlite().await;
    ended(&cluster, DONE, JobState::Succeeded).await;
    ended(&cluster, DEAD, JobState::Failed).await;
    let jobs = async |words: [&str; 6]| {
        let text = cluster.run(words).await.succeeded();
        let history = history::read(text.as_bytes(), false).expect("a history");
        history
            .jobs
            .iter()
            .map(|job| job.name.to_string())
            .collect::<Vec<_>>()
    };
    let export = ["trace", "export", "--since", "1h"];
    let [a, b, c, d] = export;
    assert_eq!(jobs([a, b, c, d, "--queue", "nightly"]).await, ["dead"]);
    assert_eq!(jobs([a, b, c, d, "--namespace", "other"]).await, [""; 0]);
    assert_eq!(jobs([a, b, c, d, "--until", "30m"]).await, [""; 0]);
    let reversed = cluster.run([a, b, c, "30m", "--until", "1h"]).await;
    let message = reversed.failed_with(1);
    assert!(message.contains("until_time"), "{message}");
    cluster.run(["trace", "export"]).await.failed_with(2);
}

/// The same jobs in virtual time and on real agents give files of the same form.
#[tokio::test]
async fn generated_jobs_are_simulated_and_executed() {
    let cluster = Settings::agents(1).on_sqlite().await;
    let simulated = [
        "simulate",
        "--policy=fifo",
        "--generate-jobs=12",
        "--n-max=2",
        "--p-max=2",
        "--rate=2",
        "--slack=1000",
        "--seed=7",
        "--output-dir=simulated",
    ];
    cluster.run(simulated).await.succeeded();
    let executed = [
        "simulate",
        "--policy=fifo",
        "--generate-jobs=12",
        "--n-max=2",
        "--p-max=2",
        "--rate=2",
        "--slack=1000",
        "--seed=7",
        "--output-dir=executed",
        "--execute",
        "--only-wait",
        "--time-scale=0.05",
    ];
    let told = cluster.run(executed).await.succeeded();
    assert_eq!(told, "12 of 12 jobs succeeded\n");
    let heading = |folder: &str| {
        let table = cluster.read(&format!("{folder}/metrics_fifo.csv"));
        assert_eq!(table.lines().count(), 13, "{table}");
        table.lines().next().map(str::to_owned)
    };
    assert_eq!(heading("simulated"), heading("executed"));
    let lines = cluster.read("executed/metrics_fifo.jsonl");
    assert!(
        lines.lines().all(|line| line.contains("\"met\":true")),
        "{lines}"
    );
}

/// What generates one job on one processor, and executes it.
const EXECUTE: [&str; 7] = [
    "simulate",
    "--generate-jobs=1",
    "--n-max=1",
    "--p-min=80",
    "--p-max=80",
    "--output-dir=executed",
    "--execute",
];

/// It would wait for ever.
#[tokio::test]
async fn a_job_that_is_wider_than_every_node_is_not_executed() {
    let cluster = Settings::agents(1).on_sqlite().await;
    let url = cluster.urls();
    let refused = cluster.run([
        "simulate",
        "--generate-jobs=1",
        "--n-min=5",
        "--n-max=5",
        "--host-cpus=8",
        "--output-dir=executed",
        "--execute",
        "--on",
        &url,
    ]);
    let refused = refused.await.failed_with(1);
    assert!(
        refused.contains("job 0 wants 5 processors, and no node has more than 4"),
        "{refused}"
    );
    assert!(cluster.all_jobs().await.is_empty(), "nothing is submitted");
}

#[tokio::test]
async fn an_execution_that_is_ended_leaves_nothing_behind() {
    let cluster = Settings::agents(1).agent(["--simulate"]).on_sqlite().await;
    let mut command = cluster.client(EXECUTE);
    command.args(["--on", &cluster.urls()]);
    let mut execution = Process::start("execution", cluster.directory(), command);
    let running = drover_tests::until("its job to run", async || {
        let jobs = cluster.all_jobs().await.into_iter();
        let mut running = jobs.filter(|job| job.state() == JobState::Running);
        running.next()
    })
    .await;
    execution.signal(Signal::SIGINT);
    assert_eq!(execution.end().await.code(), Some(1));
    let log = execution.log();
    assert!(log.contains("what was submitted is cancelled"), "{log}");
    let cancelled = |job: &drover_proto::v1::Job| job.state() == JobState::Cancelled;
    cluster.job_when(&running.id, cancelled).await;
}
