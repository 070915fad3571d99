//! Why a measurement has no result.

use std::{path::PathBuf, time::Duration};

use tonic::Status;

/// Says what went wrong, and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    #[error("cannot {what}: {cause}")]
    Io { what: String, cause: std::io::Error },
    #[error("{program} ended ({status}) while it was needed; the end of its log:\n{log}")]
    Ended {
        program: String,
        status: std::process::ExitStatus,
        log: String,
    },
    #[error("{what} is not ready after {waited:?}; the end of the log of the coordinator:\n{log}")]
    NotReady {
        what: &'static str,
        waited: Duration,
        log: String,
    },
    #[error(transparent)]
    Connect(#[from] tonic::transport::Error),
    #[error("{call} was refused: {} [{:?}]", status.message(), status.code())]
    Refused {
        call: &'static str,
        status: Box<Status>,
    },
    #[error(transparent)]
    Store(#[from] drover_coordinator::store::StoreError),
    #[error(
        "{acknowledged} tasks were acknowledged, but the store has {stored} more successes than before: \
         tasks were lost, failed or ran twice, or somebody else uses this store"
    )]
    Miscounted { acknowledged: u64, stored: u64 },
    #[error("job {job_id} has succeeded, but its record says of no attempt when it started")]
    NeverStarted { job_id: String },
    #[error(
        "more than {limit} calls wait for an answer: the rate is more than the coordinator can follow"
    )]
    TooSlow { limit: usize },
    #[error(
        "jobs are still open {waited:?} after the last call: the cluster is stuck, or too slow to measure"
    )]
    Stuck { waited: Duration },
    #[error("{program} failed: {problem}")]
    Program {
        program: &'static str,
        problem: String,
    },
    #[error("{}: {problem}", path.display())]
    Proc { path: PathBuf, problem: String },
    #[error("what was exported cannot be read: {0}")]
    History(drover_sim::trace::ParseTraceError),
    #[error(transparent)]
    Simulate(#[from] drover_sim::simulate::SimulateError),
    #[error(transparent)]
    Call(Box<crate::error::CliError>),
    #[error("interrupted")]
    Interrupted,
}

impl BenchError {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        move |cause| Self::Io {
            what: what.into(),
            cause,
        }
    }

    pub(crate) fn refused(call: &'static str) -> impl FnOnce(Status) -> Self {
        move |status| Self::Refused {
            call,
            status: Box::new(status),
        }
    }
}
