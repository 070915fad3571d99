//! Runs a trace on real agents: the same jobs as in a simulation, the same files at the end, but real time and processes.
//!
//! Each task becomes a load made by `stress-ng`: as many workers as it has processors, for as long as it runs. The jobs go to
//! a coordinator that runs already, or to one of this process with an agent for each node of the trace. What became of them
//! is read back through the same export as any history.

mod outcome;
mod private;
mod spec;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use drover_model::{Timestamp, dispatch::Mode};
use drover_proto::{time, v1::ExportHistoryRequest};
use drover_sim::{
    report::{self, ArtifactError},
    simulate::Outcome,
    trace::{
        Trace,
        history::line::{JobLine, Line},
    },
};
use tokio::{task::JoinSet, time::Instant};

use crate::{
    client::{Address, Client},
    error::CliError,
    history, output,
};
use private::Private;

/// Between two looks at whether all jobs have ended.
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);
/// Clocks of hosts may differ by so much; other jobs that come with it are told apart by their ids.
const MARGIN_MS: i64 = 60_000;

/// Where and how a trace is run.
#[derive(Debug)]
pub(crate) struct ExecuteOptions<'a> {
    /// A coordinator that runs already, whose rules and nodes then hold. `None`: one of this process, for the trace alone.
    pub(crate) address: Option<&'a Address>,
    /// Rules of a coordinator of this process; and the name that stands in the files.
    pub(crate) policy: &'a str,
    pub(crate) mode: Mode,
    /// Arrivals, run times and deadlines are multiplied by it; `stress-ng` counts in whole seconds.
    pub(crate) time_scale: f64,
    /// Agents of this process only wait instead of starting `stress-ng`.
    pub(crate) only_wait: bool,
}

/// What became of a trace on real agents.
#[derive(Debug)]
pub(crate) struct Executed {
    /// In real time from the moment at which the trace began.
    pub(crate) outcome: Outcome,
    pub(crate) files: [PathBuf; 2],
}

/// Why a trace was not run on agents.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExecuteError {
    #[error("the time scale is {0}, but must be a number above 0 and at most 1000")]
    TimeScale(f64),
    #[error(
        "job {job} of {trace} is no independent task on processors: only generated jobs (--generate-jobs) can be executed"
    )]
    NotGenerated { trace: String, job: usize },
    #[error("{0}")]
    Policy(#[from] drover_model::policy::FindPolicyError),
    #[error(
        "the coordinator says nothing of job {0}, which it had accepted; does somebody change its clock?"
    )]
    Vanished(String),
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    #[error(transparent)]
    Call(Box<CliError>),
}

impl From<CliError> for ExecuteError {
    fn from(error: CliError) -> Self {
        Self::Call(Box::new(error))
    }
}

impl From<drover_coordinator::CoordinatorError> for ExecuteError {
    fn from(error: drover_coordinator::CoordinatorError) -> Self {
        CliError::from(error).into()
    }
}

impl From<drover_agent::AgentError> for ExecuteError {
    fn from(error: drover_agent::AgentError) -> Self {
        CliError::from(error).into()
    }
}

/// Runs the jobs of a generated trace at their times, waits for all of them, and writes `metrics_<policy>.jsonl` and
/// `metrics_<policy>.csv` into the folder, as a simulation does.
///
/// # Errors
/// When the trace is not one of generated jobs, nothing can be started or reached, or the files cannot be written. A job
/// that fails is no error: the files say so.
pub(crate) async fn execute(
    trace: &Trace,
    options: &ExecuteOptions<'_>,
    folder: &Path,
) -> Result<Executed, ExecuteError> {
    let scale = options.time_scale;
    if !(scale > 0.0 && scale <= 1_000.0) {
        return Err(ExecuteError::TimeScale(scale));
    }
    let jobs = spec::jobs(trace, scale)?;
    let private = match options.address {
        Some(_) => None,
        None => Some(Private::start(trace, options).await?),
    };
    let address = private.as_ref().map(Private::address);
    let address = options.address.or(address.as_ref());
    let address = address.expect("one of both is there");
    let recorded = run_all(jobs, address, scale).await;
    if let Some(private) = private {
        private.stop().await?;
    }
    let outcome = outcome::outcome(trace, &recorded?);
    let files = report::write_artifacts(&outcome, options.policy, folder)?;
    Ok(Executed { outcome, files })
}

/// What was recorded, by place in the trace, and when the trace began.
struct Recording {
    began: Timestamp,
    jobs: Vec<JobLine>,
}

async fn run_all(
    jobs: Vec<spec::Submission>,
    address: &Address,
    scale: f64,
) -> Result<Recording, ExecuteError> {
    let client = Client::connect(address).await?;
    let began = Timestamp(output::now_ms());
    let begun = Instant::now();
    let mut calls = JoinSet::new();
    for (place, one) in jobs.into_iter().enumerate() {
        tokio::time::sleep_until(begun + one.at.mul_f64(scale)).await;
        let client = client.clone();
        calls.spawn(async move { (place, client.submit(vec![one.spec], None).await) });
    }
    let mut ids = BTreeMap::new();
    while let Some(answer) = calls.join_next().await {
        let (place, answer) =
            answer.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        ids.extend(answer?.into_iter().map(|id| (place, id)));
    }
    for id in ids.values() {
        until_ended(&client, id).await?;
    }
    let jobs = read_back(&client, began, &ids).await?;
    Ok(Recording { began, jobs })
}

async fn until_ended(client: &Client, id: &str) -> Result<(), ExecuteError> {
    while client.job(id).await?.end_time.is_none() {
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    Ok(())
}

async fn read_back(
    client: &Client,
    began: Timestamp,
    ids: &BTreeMap<usize, String>,
) -> Result<Vec<JobLine>, ExecuteError> {
    let request = ExportHistoryRequest {
        from_time: Some(time::from_model(Timestamp(began.0 - MARGIN_MS))),
        until_time: Some(time::from_model(Timestamp(output::now_ms() + MARGIN_MS))),
        ..ExportHistoryRequest::default()
    };
    let mut found = BTreeMap::new();
    history::export(client, request, |line| {
        if let Line::Job(job) = line {
            found.insert(job.id.clone(), *job);
        }
        Ok(())
    })
    .await?;
    let jobs = ids.values().map(|id| {
        let job = found.remove(id);
        job.ok_or_else(|| ExecuteError::Vanished(id.clone()))
    });
    jobs.collect()
}

#[cfg(test)]
mod tests;
