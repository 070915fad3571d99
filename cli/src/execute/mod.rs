//! Runs a trace on real agents: the same jobs as in a simulation, the same files at the end, but real time and processes.
//!
//! Each task becomes a load made by `stress-ng`: as many workers as it has processors, for as long as it runs. The jobs go to
//! a coordinator that runs already, or to one of this process with an agent for each node of the trace. What became of them
//! is read back through the same export as any history.

mod outcome;
mod private;
mod run;
mod spec;

use std::{
    collections::BTreeMap,
    future::pending,
    path::{Path, PathBuf},
};

use drover_model::dispatch::Mode;
use drover_sim::{
    report::{self, ArtifactError},
    simulate::Outcome,
    trace::Trace,
};

use crate::{client::Address, commands::signals::Signals, error::CliError};
use private::Private;
pub(crate) use run::Missing;
use run::{Recording, Run};

/// Where and how a trace is run.
#[derive(Debug)]
pub(crate) struct ExecuteOptions<'a> {
    /// A coordinator that runs already, whose rules and nodes then hold. `None`: one of this process, for the trace alone.
    pub(crate) address: Option<&'a Address>,
    /// Rules of a coordinator of this process.
    pub(crate) policy: &'a str,
    pub(crate) mode: Mode,
    /// `None`: that of the policy.
    pub(crate) backfill_order: Option<&'a str>,
    /// Nothing grows old with 0.
    pub(crate) age_cap_s: u64,
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
    /// Jobs that are not in the files, by place in the trace.
    pub(crate) missing: BTreeMap<usize, Missing>,
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
        "job {job} wants {wanted} processors, and no node has more than {widest}: it would wait for ever"
    )]
    TooWide {
        job: usize,
        wanted: f64,
        widest: f64,
    },
    #[error("an agent has ended while there were jobs to run")]
    AgentEnded,
    #[error("ended before all jobs had: what was submitted is cancelled, and no files are written")]
    Interrupted,
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

impl From<drover_agent::AgentError> for ExecuteError {
    fn from(error: drover_agent::AgentError) -> Self {
        CliError::from(error).into()
    }
}

/// Runs the jobs of a generated trace at their times, waits for all of them, and writes `metrics_<policy>.jsonl` and
/// `metrics_<policy>.csv` into the folder, as a simulation does. The policy is that of whoever ran them.
///
/// # Errors
/// When the trace is not one of generated jobs, nothing can be started or reached, a job would wait for ever, somebody asks
/// the process to end, or the files cannot be written. A job that fails is no error: the files say so; nor is one that is
/// missing.
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
    let mut signals = Signals::listen()?;
    let recording = match options.address {
        Some(address) => record(trace, jobs, address, scale, signals, pending()).await?,
        None => {
            let mut private = tokio::select! {
                private = Private::start(trace, options) => private?,
                () = signals.asked_to_end() => return Err(ExecuteError::Interrupted),
            };
            let address = private.address();
            let ends = private.agent_ends();
            let recorded = record(trace, jobs, &address, scale, signals, ends).await;
            let stopped = private.stop().await;
            let recording = recorded?;
            stopped?;
            recording
        }
    };
    let outcome = outcome::outcome(trace, &recording, scale);
    let policy = match options.address {
        Some(_) => &recording.policy,
        None => options.policy,
    };
    let files = report::write_artifacts(&outcome, policy, folder)?;
    Ok(Executed {
        outcome,
        files,
        missing: recording.missing,
    })
}

/// Runs all jobs to their ends, unless somebody asks for the end, or `failure` comes first; then none of them goes on.
async fn record(
    trace: &Trace,
    jobs: Vec<spec::Submission>,
    address: &Address,
    scale: f64,
    mut signals: Signals,
    failure: impl Future<Output = ExecuteError>,
) -> Result<Recording, ExecuteError> {
    let mut run = Run::begin(address, trace).await?;
    let ended = tokio::select! {
        ended = run.run_all(jobs, scale) => ended.map_err(ExecuteError::from),
        failure = failure => Err(failure),
        () = signals.asked_to_end() => Err(ExecuteError::Interrupted),
    };
    if let Err(error) = ended {
        signals.then_at_once();
        if let Err(problem) = run.cancel().await {
            eprintln!("Some jobs may go on: {problem}");
        }
        return Err(error);
    }
    Ok(run.read_back(trace.jobs.len()).await?)
}

#[cfg(test)]
mod tests;
