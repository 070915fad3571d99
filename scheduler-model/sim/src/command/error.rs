use std::{io, path::PathBuf};

use drover_model::{inference::WeightsError, policy::FindPolicyError};

use crate::{
    compat::UnknownRule,
    evaluate::EvaluationError,
    plot::PlotError,
    report::{ArtifactError, WriteError},
    simulate::SimulateError,
    trace::{ParseTraceError, ReadTraceError},
    workload::{ParametersError, UnknownFamilyError, generator::GeneratorError},
};

/// Why there is no answer. Messages name the flag that is to be changed where it is one.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error(transparent)]
    Policy(#[from] FindPolicyError),
    #[error(transparent)]
    Workload(#[from] UnknownFamilyError),
    #[error("--load or --jobs: {0}")]
    Parameters(#[from] ParametersError),
    #[error(transparent)]
    Generator(#[from] GeneratorError),
    #[error(transparent)]
    Trace(#[from] ReadTraceError),
    #[error("{0}")]
    Setting(#[from] ParseTraceError),
    #[error(transparent)]
    Simulate(#[from] SimulateError),
    #[error("--baseline: {0}")]
    Evaluation(#[from] EvaluationError),
    #[error("--policies: {0}")]
    Rule(#[from] UnknownRule),
    #[error("--nodes `{text}`: {problem}")]
    Nodes { text: String, problem: String },
    #[error(
        "--windows published is for logs of 10000 jobs, and this one has {jobs}; ask for a number of windows, or for whole"
    )]
    PublishedWindows { jobs: usize },
    #[error(
        "no job of {cell} counts, or none in one of its slices: all were submitted while the pool fills, as on the first of the chosen days, or there is none; take more --days or --jobs, or fewer --slices"
    )]
    NothingCounts { cell: String },
    #[error("{flag} says nothing here: it is for {purpose}; leave it out")]
    Unused {
        flag: &'static str,
        purpose: &'static str,
    },
    #[error("{0}")]
    Usage(&'static str),
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("the weights in {} cannot be used: {source}", path.display())]
    Weights { path: PathBuf, source: WeightsError },
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot write {}: {source}", path.display())]
    Rows { path: PathBuf, source: WriteError },
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    #[error(transparent)]
    Plot(#[from] PlotError),
    #[error("figures cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl CommandError {
    /// Whether other flags would help, rather than another file or place to write to.
    pub fn is_usage(&self) -> bool {
        !matches!(
            self,
            Self::Trace(_)
                | Self::Read { .. }
                | Self::Weights { .. }
                | Self::Write { .. }
                | Self::Rows { .. }
                | Self::Artifact(_)
                | Self::Plot(_)
                | Self::Json(_)
        )
    }
}
