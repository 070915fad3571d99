//! Unlike nodes and wide work: one story on both stores, in whose middle the coordinator is killed.

use std::fmt::Write as _;

use drover_proto::v1::{AttemptState, Job, Task, TaskState};
use drover_tests::{Cluster, Fifo, Settings};

/// What the record says at the end: of each task its state, and the state and kind of node of each attempt.
const RECORD: &str = "\
mixed: succeeded
  near: succeeded; succeeded on edge
  sweep[0]: succeeded; succeeded on cloud
  sweep[1]: succeeded; succeeded on cloud
  sweep[2]: succeeded; succeeded on cloud
  sweep[3]: failed; failed on cloud
  sweep[4]: succeeded; succeeded on cloud
  sweep: succeeded
first: succeeded
  train[0]: succeeded; succeeded on cloud
  train[1]: succeeded; succeeded on cloud
  train: succeeded
second: succeeded
  train[0]: succeeded; succeeded on cloud
  train[1]: succeeded; succeeded on cloud
  train: succeeded
wide: succeeded
  all: succeeded; succeeded on cloud
long: succeeded
  fill: succeeded; succeeded on cloud
short: succeeded
  fill: succeeded; succeeded on cloud
mover: succeeded
  move: succeeded; requeued on edge, succeeded on cloud
batch: succeeded
  load: succeeded; requeued on gpu, succeeded on gpu
urgent: succeeded
  load: succeeded; succeeded on gpu
";

const MIXED: &str = "
name: mixed
tasks:
  near:
    command: ['true']
    constraints: {require: class == edge, max_latency: 10ms}
  sweep:
    needs: [near]
    shell: true
    command: 'test $DROVER_ARRAY_INDEX != 3'
    array: {count: 5, parallel: 2, max_failed: 1}
    constraints: {require: class == cloud}
";

/// Two of these do not fit at the same time.
fn gang(name: &str, command: &str) -> String {
    format!(
        "name: {name}\ntasks:\n  train:\n    shell: true\n    command: '{command}'\n    estimate: 1m\n    \
         resources: {{cpu: 3}}\n    gang: {{size: 2, topology: same-region}}\n    \
         constraints: {{require: class == cloud}}\n"
    )
}

/// Fits beside a member of a gang.
fn filler(name: &str, estimate: &str) -> String {
    format!(
        "name: {name}\ntasks:\n  fill:\n    command: ['true']\n    estimate: {estimate}\n    resources: {{cpu: 1}}\n    \
         constraints: {{require: label.disk == nvme}}\n"
    )
}

const WIDE: &str = "
name: wide
priority: high
tasks:
  all:
    command: ['true']
    resources: {cpu: 4}
    constraints: {require: label.disk == nvme}
";

const MOVER: &str = "
name: mover
tasks:
  move:
    shell: true
    command: 'read line < mover'
    constraints:
      require: class in (edge, cloud)
      prefer: [{expression: class == edge, weight: 100}]
";

const BATCH: &str = "
name: batch
priority: low
tasks:
  load:
    shell: true
    command: 'read line < batch'
    preemptible: true
    resources: {gpu: 2, gpu_model: h100}
";

const URGENT: &str = "
name: urgent
queue: urgent
priority: urgent
tasks:
  load:
    command: ['true']
    resources: {gpu: 2}
";

fn settings() -> Settings {
    Settings::agents(0)
        .coordinator(["--policy", "priority", "--dispatch", "easy"])
        .host(
            "edge-1",
            ["--cpu", "2", "--class", "edge", "--latency", "5ms"],
        )
        .host(
            "cloud-1",
            ["--cpu", "4", "--class", "cloud", "--region", "eu"],
        )
        .host(
            "cloud-2",
            [
                "--cpu",
                "4",
                "--class",
                "cloud",
                "--region",
                "eu",
                "--label",
                "disk=nvme",
            ],
        )
        .host(
            "gpu-1",
            [
                "--cpu",
                "4",
                "--gpus",
                "2",
                "--class",
                "gpu",
                "--gpu-model",
                "h100",
            ],
        )
}

#[tokio::test]
async fn wide_work_on_unlike_nodes_on_sqlite() {
    tell(settings().on_sqlite().await).await;
}

#[tokio::test]
async fn wide_work_on_unlike_nodes_on_postgres() {
    if let Some(cluster) = settings().on_postgres().await {
        tell(cluster).await;
    }
}

async fn tell(mut cluster: Cluster) {
    let mut ids = vec![cluster.submit(MIXED).await];
    ends(&cluster, &ids[0]).await;
    ids.extend(reserve_and_restart(&mut cluster).await);
    ids.push(drain(&cluster).await);
    ids.extend(preempt(&cluster).await);
    let mut record = String::new();
    for id in &ids {
        describe(&cluster.job(id).await, &mut record);
    }
    assert_eq!(record, RECORD);
}

/// Two gangs compete; a wide task is reserved for, and a short one fills in where a long one may not.
async fn reserve_and_restart(cluster: &mut Cluster) -> [String; 5] {
    let gates = ["first-0", "first-1"].map(|name| Fifo::gate(cluster.directory(), name));
    let first = cluster
        .submit(&gang("first", "read line < first-$DROVER_GANG_RANK"))
        .await;
    running(cluster, &first, &["train[0]", "train[1]"]).await;
    let command = "echo $DROVER_GANG_RANK of $DROVER_GANG_SIZE at $DROVER_GANG_PEERS > second-$DROVER_GANG_RANK";
    let second = cluster.submit(&gang("second", command)).await;
    let wide = cluster.submit(WIDE).await;
    waits(cluster, &wide, "all", "first in line").await;
    let long = cluster.submit(&filler("long", "10m")).await;
    waits(cluster, &long, "fill", "reserved").await;
    let short = cluster.submit(&filler("short", "1s")).await;
    let filled = ends(cluster, &short).await;
    assert!(
        task(&filled, "fill").attempts[0]
            .decision
            .contains("backfill"),
        "{filled:?}"
    );

    cluster.crash_coordinator().await;
    waits(cluster, &wide, "all", "reserved").await;
    waits(cluster, &long, "fill", "reserved").await;
    waits(cluster, &second, "train[1]", "").await;
    for gate in &gates {
        Fifo::release(gate).await;
    }
    for id in [&first, &wide, &long, &second] {
        ends(cluster, id).await;
    }
    let (wide_job, second_job) = (cluster.job(&wide).await, cluster.job(&second).await);
    let start = |job: &Job, name: &str| {
        let start = task(job, name).attempts[0].start_time.expect("it ran");
        (start.seconds, start.nanos)
    };
    assert!(start(&wide_job, "all") < start(&second_job, "train[0]"));
    let told = cluster.read("second-1");
    let peers = told
        .trim()
        .strip_prefix("1 of 2 at ")
        .expect("rank, size and peers");
    assert_eq!(peers.split(',').count(), 2, "{told}");
    [first, second, wide, long, short]
}

/// What runs on a node that is drained runs elsewhere.
async fn drain(cluster: &Cluster) -> String {
    let gate = Fifo::gate(cluster.directory(), "mover");
    let id = cluster.submit(MOVER).await;
    running(cluster, &id, &["move"]).await;
    let drained = ["node", "drain", "edge-1", "--deadline", "0s"];
    cluster.run(drained).await.succeeded();
    cluster
        .job_when(&id, |job| {
            let attempts = &task(job, "move").attempts;
            attempts.len() == 2 && attempts[1].state() == AttemptState::Running
        })
        .await;
    Fifo::release(&gate).await;
    ends(cluster, &id).await;
    id
}

/// An urgent job takes the place of one that agreed to it, and gives it back.
async fn preempt(cluster: &Cluster) -> [String; 2] {
    let allowed = ["queue", "set", "urgent", "--preemption", "on"];
    cluster.run(allowed).await.succeeded();
    let gate = Fifo::gate(cluster.directory(), "batch");
    let batch = cluster.submit(BATCH).await;
    running(cluster, &batch, &["load"]).await;
    let urgent = cluster.submit(URGENT).await;
    ends(cluster, &urgent).await;
    running(cluster, &batch, &["load"]).await;
    Fifo::release(&gate).await;
    ends(cluster, &batch).await;
    [batch, urgent]
}

async fn running(cluster: &Cluster, id: &str, tasks: &[&str]) {
    let is = |job: &Job| {
        let mut tasks = tasks.iter();
        tasks.all(|name| task(job, name).state() == TaskState::Running)
    };
    cluster.job_when(id, is).await;
}

/// The task waits, and says why in a way that has these words in it.
async fn waits(cluster: &Cluster, id: &str, name: &str, why: &str) {
    let is = |job: &Job| {
        let task = task(job, name);
        task.state() == TaskState::Queued && task.pending_reason.contains(why)
    };
    cluster.job_when(id, is).await;
}

async fn ends(cluster: &Cluster, id: &str) -> Job {
    cluster.job_when(id, |job| job.end_time.is_some()).await
}

fn task<'a>(job: &'a Job, name: &str) -> &'a Task {
    let mut tasks = job.tasks.iter();
    tasks
        .find(|task| task.name == name)
        .expect("a task of the job")
}

fn describe(job: &Job, record: &mut String) {
    let name = &job.spec.as_ref().expect("a spec").name;
    let _ = writeln!(
        record,
        "{name}: {}",
        word(job.state().as_str_name(), "JOB_STATE_")
    );
    for task in &job.tasks {
        let attempts = task.attempts.iter().map(|attempt| {
            let state = word(attempt.state().as_str_name(), "ATTEMPT_STATE_");
            let kind = attempt.node.split('-').next().unwrap_or_default();
            format!("{state} on {kind}")
        });
        let attempts: Vec<String> = attempts.collect();
        let state = word(task.state().as_str_name(), "TASK_STATE_");
        let _ = write!(record, "  {}: {state}", task.name);
        if !attempts.is_empty() {
            let _ = write!(record, "; {}", attempts.join(", "));
        }
        record.push('\n');
    }
}

fn word(state: &str, prefix: &str) -> String {
    state.strip_prefix(prefix).unwrap_or(state).to_lowercase()
}
