use std::io;

use drover_model::inference::WeightsError;

/// Why a training cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum LearnError {
    #[error("the weights cannot be used: {0}")]
    Weights(#[from] WeightsError),
    #[error("the environment's columns are not those of the weights; align the weights first")]
    Layout,
    #[error("{learner} needs a value head, and these weights have none")]
    NoValueHead { learner: &'static str },
    #[error("no environment was given")]
    NoEnvironment,
    #[error("the setting `{setting}` is {found}, and must be {expected}")]
    Setting {
        setting: &'static str,
        found: f64,
        expected: &'static str,
    },
    #[error("training has diverged at step {step}: {what} is {found}; lower the learning rate")]
    Diverged {
        step: u64,
        what: &'static str,
        found: f64,
    },
    #[error("the checkpoint cannot be read: {0}")]
    Checkpoint(String),
    #[error("the checkpoint is of the learner `{found}`, not of `{expected}`")]
    OtherLearner {
        found: String,
        expected: &'static str,
    },
    #[error("the event file cannot be written: {0}")]
    EventFile(#[from] io::Error),
}
