//! Weights that somebody brings, checked before anything is stored of them.

use std::sync::Arc;

use bytes::Bytes;
use drover_model::{
    inference::Weights,
    policy::{BuildPolicyError, PolicySource},
};
use sha2::{Digest as _, Sha256};

use crate::{error::ApiError, store::Origin};

/// A network of this size could not be run in time.
const MAX_WEIGHTS_BYTES: usize = 2 << 20;

/// A network that can be used.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) version: Arc<str>,
    pub(crate) weights: Bytes,
    pub(crate) sha256: String,
    pub(crate) origin: Origin,
}

impl Candidate {
    /// Under `version`, or if that is empty under the one that the file names.
    ///
    /// # Errors
    /// What is wrong with the file or the version.
    pub(crate) fn check(weights: Bytes, version: &str, origin: Origin) -> Result<Self, ApiError> {
        if weights.len() > MAX_WEIGHTS_BYTES {
            let problem = format!(
                "has {} bytes, and at most {MAX_WEIGHTS_BYTES} are allowed; train a smaller network",
                weights.len()
            );
            return Err(ApiError::invalid_field("weights", problem));
        }
        let wrong = |problem: String| ApiError::invalid_field("weights", problem);
        let network = Weights::from_bytes(&weights).map_err(|error| wrong(error.to_string()))?;
        let version = match version {
            "" => network.version(),
            version => version,
        };
        let source = PolicySource {
            version: version.into(),
            weights: Some(weights.clone()),
        };
        source.build().map_err(|error| {
            let field = match error {
                BuildPolicyError::VersionLength { .. } | BuildPolicyError::NameTaken(_) => {
                    "version"
                }
                BuildPolicyError::Rule(_) | BuildPolicyError::Weights(_) => "weights",
            };
            ApiError::invalid_field(field, error.to_string())
        })?;
        let digest = Sha256::digest(&weights);
        Ok(Self {
            version: source.version,
            sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            weights,
            origin,
        })
    }
}
