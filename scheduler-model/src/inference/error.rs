use safetensors::{Dtype, SafeTensorError};

/// Why weights cannot be used. Nothing of them is, then.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    #[error("not a complete safetensors file: {0}; copy or export it again")]
    Container(#[from] SafeTensorError),
    #[error("its metadata has no entry `drover`: it was not written by drover-learner")]
    NoDescription,
    #[error("its metadata entry `drover` cannot be read: {0}")]
    Description(#[from] serde_json::Error),
    #[error(
        "it has format {found}, and this program reads format {supported}; use a learner and a coordinator of the same version"
    )]
    Format { found: u64, supported: u64 },
    #[error("its version is `{found}`; 1 to 64 letters, digits, `.`, `_`, `-` are allowed")]
    Version { found: String },
    #[error("it has {found} {what}, and {least} to {most} are allowed")]
    Size {
        what: &'static str,
        found: usize,
        least: usize,
        most: usize,
    },
    #[error(
        "`{0}` cannot be the name of a feature: lower-case letters, digits, `_` and `/`, 64 at most"
    )]
    FeatureName(String),
    #[error("the feature `{0}` is there twice")]
    RepeatedFeature(String),
    #[error(
        "it needs the feature `{0}`, which this program does not observe; use a program that does, or train without it"
    )]
    UnknownFeature(String),
    #[error("the tensor `{0}` is missing")]
    MissingTensor(&'static str),
    #[error("the tensor `{0}` belongs to no part of its network")]
    UnknownTensor(String),
    #[error("the tensor `{tensor}` holds {found:?}, and must hold F32")]
    ElementKind { tensor: &'static str, found: Dtype },
    #[error("the tensor `{tensor}` has shape {found:?}, and its network needs {expected:?}")]
    Shape {
        tensor: &'static str,
        found: Vec<usize>,
        expected: Vec<usize>,
    },
    #[error("the tensor `{tensor}` has {value} at position {position}: training has diverged")]
    NotFinite {
        tensor: &'static str,
        position: usize,
        value: f32,
    },
    #[error("the deviation of the feature `{feature}` is {found}, and must be at least {least}")]
    Deviation {
        feature: String,
        found: f32,
        least: f32,
    },
    #[error("{found} parameters were given for a network that has {expected}")]
    ParameterCount { found: usize, expected: usize },
}
