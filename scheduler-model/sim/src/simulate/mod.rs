//! Runs a [`Trace`] through the production scheduler under virtual time.
//!
//! The cluster is the very [`drover_model::cluster::Cluster`] that a coordinator drives; here it is given events one at a
//! time, and a round of dispatch follows each. Of events at the same moment submissions come first. Agents are modelled: an
//! attempt begins when it is assigned and takes what the trace says, divided by the speed of its node.

mod account;
mod durations;
mod engine;
mod nodes;
mod options;
mod outcome;
mod parallel;
mod spec;
#[cfg(test)]
mod tests;

use drover_model::Timestamp;

pub use options::{Keep, Options, Rounds};
pub use outcome::{AttemptOutcome, JobOutcome, Outcome, QueueSample};
pub use parallel::in_parallel;

use crate::trace::Trace;

/// A trace that cannot be simulated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SimulateError {
    #[error("{0} has no nodes: nothing could ever run; give it at least one")]
    NoNodes(String),
    #[error("{0} has no jobs")]
    NoJobs(String),
    #[error("node {node} of {trace} has the speed {speed}; it must be a number above 0")]
    Speed {
        trace: String,
        node: String,
        speed: String,
    },
    #[error("two nodes of {trace} are called {node}")]
    SameName { trace: String, node: String },
    #[error(
        "job {job} of {trace} is not after the one before it: jobs must ascend by time of submission"
    )]
    Order { trace: String, job: usize },
    #[error("task {task} of job {job} of {trace} needs task {need}, which does not come before it")]
    Need {
        trace: String,
        job: usize,
        task: usize,
        need: u32,
    },
}

/// What becomes of the jobs of a trace. Equal traces and options give equal outcomes.
///
/// # Errors
/// When the trace makes no sense.
pub fn simulate(trace: &Trace, options: &Options) -> Result<Outcome, SimulateError> {
    check(trace)?;
    Ok(engine::Engine::new(trace, options).run())
}

/// Whether it can be simulated.
///
/// # Errors
/// As of [`simulate`].
pub fn check(trace: &Trace) -> Result<(), SimulateError> {
    let name = || trace.name.to_string();
    if trace.nodes.is_empty() {
        return Err(SimulateError::NoNodes(name()));
    }
    if trace.jobs.is_empty() {
        return Err(SimulateError::NoJobs(name()));
    }
    let mut names = std::collections::BTreeSet::new();
    for node in &trace.nodes {
        if !node.speed.is_finite() || node.speed <= 0.0 {
            return Err(SimulateError::Speed {
                trace: name(),
                node: node.name.to_string(),
                speed: node.speed.to_string(),
            });
        }
        if !names.insert(&node.name) {
            return Err(SimulateError::SameName {
                trace: name(),
                node: node.name.to_string(),
            });
        }
    }
    check_jobs(trace)
}

fn check_jobs(trace: &Trace) -> Result<(), SimulateError> {
    let mut before = 0;
    for (job, submitted) in trace.jobs.iter().enumerate() {
        if submitted.submitted_ms < before {
            return Err(SimulateError::Order {
                trace: trace.name.to_string(),
                job,
            });
        }
        before = submitted.submitted_ms;
        for (task, spec) in submitted.tasks.iter().enumerate() {
            if let Some(need) = spec.needs.iter().find(|need| **need as usize >= task) {
                return Err(SimulateError::Need {
                    trace: trace.name.to_string(),
                    job,
                    task,
                    need: *need,
                });
            }
        }
    }
    Ok(())
}

/// A moment of the trace as the cluster sees it. Model time begins with the trace, so that rules that count from the
/// beginning of a log find it there.
fn at(ms: u64) -> Timestamp {
    Timestamp(ms as i64)
}
