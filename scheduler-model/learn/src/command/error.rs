use std::{
    fs, io,
    path::{Path, PathBuf},
};

use drover_model::{
    dispatch::ParseModeError,
    inference::{Weights, WeightsError},
    policy::FindPolicyError,
};
use drover_sim::{
    plot::PlotError,
    workload::{ParametersError, UnknownFamilyError},
};

use crate::{LearnError, serve::ServeError};

/// Why a command ends without a result.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error(transparent)]
    Learn(#[from] LearnError),
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("the weights in {} cannot be used: {source}", path.display())]
    Weights { path: PathBuf, source: WeightsError },
    #[error(transparent)]
    Workload(#[from] UnknownFamilyError),
    #[error("--load or --jobs: {0}")]
    Parameters(#[from] ParametersError),
    #[error("--rules: {0}")]
    Policy(#[from] FindPolicyError),
    #[error("--rules: {0}")]
    Mode(#[from] ParseModeError),
    #[error("--cost: ppo and dqn know the objective only; use --algorithm direct for another")]
    OnlyObjective,
    #[error(
        "--load is for made-up workloads, and logs have a load of their own; leave it out, or add --workload"
    )]
    LoadOfLogs,
    #[error(transparent)]
    Log(#[from] drover_sim::command::CommandError),
    #[error("--rules names no rule to compare with")]
    NoRules,
    #[error("what follows -- is for `train`: {0}")]
    Training(#[from] clap::Error),
    #[error(transparent)]
    Plot(#[from] PlotError),
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error("cannot start: {0}")]
    Runtime(#[source] io::Error),
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, CommandError> {
    fs::read(path).map_err(|source| CommandError::Read {
        path: path.to_owned(),
        source,
    })
}

pub(super) fn read_weights(path: &Path) -> Result<Weights, CommandError> {
    Weights::from_bytes(&read(path)?).map_err(|source| CommandError::Weights {
        path: path.to_owned(),
        source,
    })
}

/// Whole or not at all.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    let beside = path.with_extension("partial");
    let written = fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    written.map_err(|source| CommandError::Write {
        path: path.to_owned(),
        source,
    })
}
