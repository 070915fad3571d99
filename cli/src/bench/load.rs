//! Calls that many clients make at the same time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use drover_proto::v1::{
    JobSpec, JobState, ListJobsRequest, Simulate, SubmitBatchRequest, SubmitRequest, TaskSpec,
    job_service_client::JobServiceClient, task_spec,
};
use hdrhistogram::Histogram;
use tokio::{task::JoinSet, time::Instant};
use tonic::{Code, Status, transport::Channel};
use tonic_types::StatusExt as _;

use super::{error::BenchError, processes::Cluster};
use crate::client::is_broken;

/// Jobs of benchmarks are kept apart from others.
pub(crate) const NAMESPACE: &str = "bench";
/// Tasks of a DAG, and jobs of a batch.
const GROUP: u64 = 20;
/// Tasks in the two middle layers of a DAG; the first and the last layer have one.
const LAYER: usize = 9;

const GIVE_UP_AFTER: Duration = Duration::from_secs(30);
const OVERLOAD_WAIT: Duration = Duration::from_millis(100);
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);
const DRAINED_WITHIN: Duration = Duration::from_secs(600);
const LONGEST_MICROS: u64 = 3_600_000_000;

/// What one call submits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Shape {
    /// One job of 20 tasks in four layers
    Dag,
    /// 20 jobs of one task
    Batch,
    /// One job of one task
    Single,
}

impl Shape {
    fn tasks_per_call(self) -> u64 {
        match self {
            Self::Dag | Self::Batch => GROUP,
            Self::Single => 1,
        }
    }

    fn job(self) -> JobSpec {
        let tasks = match self {
            Self::Dag => layers(),
            Self::Batch | Self::Single => vec![task("only", Vec::new())],
        };
        JobSpec {
            name: "bench".to_owned(),
            namespace: NAMESPACE.to_owned(),
            tasks,
            ..JobSpec::default()
        }
    }
}

/// `split`, then `map-N`, then `merge-N` of two maps each, then `join`.
fn layers() -> Vec<TaskSpec> {
    let map = |index: usize| format!("map-{}", index % LAYER);
    let merge = |index: usize| format!("merge-{index}");
    let mut tasks = vec![task("split", Vec::new())];
    tasks.extend((0..LAYER).map(|index| task(&map(index), vec!["split".to_owned()])));
    tasks.extend((0..LAYER).map(|index| task(&merge(index), vec![map(index), map(index + 1)])));
    tasks.push(task("join", (0..LAYER).map(merge).collect()));
    tasks
}

fn task(name: &str, needs: Vec<String>) -> TaskSpec {
    let simulate = Simulate {
        duration: Some(pbjson_types::Duration::default()),
        failure_chance: 0.0,
    };
    TaskSpec {
        name: name.to_owned(),
        needs,
        run: Some(task_spec::Run::Simulate(simulate)),
        ..TaskSpec::default()
    }
}

/// Microseconds, to three digits.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_MICROS, 3).expect("bounds that are in order")
}

/// When no further call is made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Until {
    Time(Instant),
    Tasks(u64),
}

/// Closed loop: every one of `connections * in_flight` clients calls again as soon as it is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) shape: Shape,
    pub(crate) connections: usize,
    pub(crate) in_flight: usize,
    pub(crate) until: Until,
}

/// What was acknowledged.
pub(crate) struct Tally {
    pub(crate) tasks: u64,
    /// Calls that were made again under the same request ids, because the coordinator was busy or away.
    pub(crate) repeated: u64,
    /// From each first call to its answer, in microseconds.
    pub(crate) submit_micros: Histogram<u64>,
}

impl Tally {
    fn new() -> Self {
        Self {
            tasks: 0,
            repeated: 0,
            submit_micros: histogram(),
        }
    }

    fn add(&mut self, other: &Self) {
        self.tasks += other.tasks;
        self.repeated += other.repeated;
        self.submit_micros
            .add(&other.submit_micros)
            .expect("the same bounds");
    }
}

impl Load {
    pub(crate) async fn run(self, cluster: &mut Cluster) -> Result<Tally, BenchError> {
        let plan = Arc::new(Plan {
            shape: self.shape,
            job: self.shape.job(),
            until: self.until,
            run: uuid::Uuid::now_v7().simple().to_string(),
            calls: AtomicU64::new(0),
        });
        let mut clients = JoinSet::new();
        for _ in 0..self.connections {
            let channel = cluster.connect().await?;
            for _ in 0..self.in_flight {
                clients.spawn(client(
                    Arc::clone(&plan),
                    JobServiceClient::new(channel.clone()),
                ));
            }
        }
        let mut tally = Tally::new();
        while let Some(ended) = clients.join_next().await {
            let ended = ended.expect("clients do not panic");
            if ended.is_err() {
                // A process that has ended says more than the call that failed.
                cluster.check()?;
            }
            tally.add(&ended?);
        }
        Ok(tally)
    }
}

/// What the clients share.
struct Plan {
    shape: Shape,
    job: JobSpec,
    until: Until,
    /// Makes request ids unique.
    run: String,
    calls: AtomicU64,
}

impl Plan {
    /// Number of the next call, or `None` when enough were made.
    fn next(&self) -> Option<u64> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let goes_on = match self.until {
            Until::Time(end) => Instant::now() < end,
            Until::Tasks(tasks) => call * self.shape.tasks_per_call() < tasks,
        };
        goes_on.then_some(call)
    }

    fn request(&self, call: u64, job: u64) -> SubmitRequest {
        SubmitRequest {
            spec: Some(self.job.clone()),
            request_id: format!("{}-{call}-{job}", self.run),
        }
    }
}

async fn client(plan: Arc<Plan>, mut jobs: JobServiceClient<Channel>) -> Result<Tally, BenchError> {
    let mut tally = Tally::new();
    while let Some(call) = plan.next() {
        let called = Instant::now();
        while let Err(status) = submit(&plan, call, &mut jobs).await {
            let Some(wait) =
                wait_before_repeating(&status).filter(|_| called.elapsed() < GIVE_UP_AFTER)
            else {
                return Err(BenchError::refused("Submit")(status));
            };
            tally.repeated += 1;
            tokio::time::sleep(wait).await;
        }
        let micros = u64::try_from(called.elapsed().as_micros()).unwrap_or(LONGEST_MICROS);
        tally.submit_micros.saturating_record(micros);
        tally.tasks += plan.shape.tasks_per_call();
    }
    Ok(tally)
}

async fn submit(
    plan: &Plan,
    call: u64,
    jobs: &mut JobServiceClient<Channel>,
) -> Result<(), Status> {
    match plan.shape {
        Shape::Dag | Shape::Single => jobs.submit(plan.request(call, 0)).await.map(drop),
        Shape::Batch => {
            let requests = (0..GROUP).map(|job| plan.request(call, job)).collect();
            jobs.submit_batch(SubmitBatchRequest { requests })
                .await
                .map(drop)
        }
    }
}

fn wait_before_repeating(status: &Status) -> Option<Duration> {
    let passes = status.code() == Code::ResourceExhausted || is_broken(status);
    let told = || status.get_details_retry_info()?.retry_delay;
    passes.then(|| told().unwrap_or(OVERLOAD_WAIT))
}

/// Waits until no job of benchmarks is open.
pub(crate) async fn drain(cluster: &mut Cluster) -> Result<(), BenchError> {
    let mut jobs = JobServiceClient::new(cluster.connect().await?);
    let request = ListJobsRequest {
        namespace: NAMESPACE.to_owned(),
        states: vec![JobState::Queued as i32, JobState::Running as i32],
        page_size: 1,
        ..ListJobsRequest::default()
    };
    let began = Instant::now();
    loop {
        let page = jobs
            .list(request.clone())
            .await
            .map_err(BenchError::refused("List"))?;
        if page.into_inner().jobs.is_empty() {
            return Ok(());
        }
        if began.elapsed() > DRAINED_WITHIN {
            return Err(BenchError::Stuck {
                waited: DRAINED_WITHIN,
            });
        }
        cluster.check()?;
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dag_is_valid_and_has_as_many_tasks_as_are_counted() {
        for shape in [Shape::Dag, Shape::Batch, Shape::Single] {
            let job = shape.job();
            let jobs = if shape == Shape::Batch { GROUP } else { 1 };
            assert_eq!(job.tasks.len() as u64 * jobs, shape.tasks_per_call());
            for (index, task) in job.tasks.iter().enumerate() {
                let is_before =
                    |need: &String| job.tasks[..index].iter().any(|other| other.name == *need);
                assert!(task.needs.iter().all(is_before), "{task:?}");
            }
        }
    }
}
