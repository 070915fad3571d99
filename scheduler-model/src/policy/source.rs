//! Policies as the record keeps them.

use std::sync::Arc;

use bytes::Bytes;

use super::{FindPolicyError, Learned, Policy, find};
use crate::inference::{Weights, WeightsError};

/// Longest version of a network: what is recorded of a decision names it, and has 64 bytes in all.
pub const MAX_VERSION_BYTES: usize = 17;

/// What a policy is made from: a rule from its name, which may have a number behind it, a network from its weights.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PolicySource {
    pub version: Arc<str>,
    /// `None`: a rule.
    pub weights: Option<Bytes>,
}

/// Nothing can be ranked by it.
#[derive(Debug, thiserror::Error)]
pub enum BuildPolicyError {
    #[error(transparent)]
    Rule(#[from] FindPolicyError),
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(
        "`{version}` has {length} bytes, and the version of a policy may have 1 to {MAX_VERSION_BYTES}"
    )]
    VersionLength { version: Box<str>, length: usize },
    #[error("`{0}` is the name of a rule; give the weights another version")]
    NameOfRule(Box<str>),
}

impl PolicySource {
    pub fn rule(name: &str) -> Self {
        Self {
            version: name.into(),
            weights: None,
        }
    }

    /// # Errors
    /// When there is no such rule, or the weights are not those of a network that this program can run.
    pub fn build(&self) -> Result<Arc<dyn Policy>, BuildPolicyError> {
        match &self.weights {
            None => Ok(find(&self.version)?),
            Some(weights) => network(&self.version, weights),
        }
    }
}

/// # Errors
/// When they are not those of a network that this program can run, or the version is taken by a rule.
fn network(version: &str, weights: &[u8]) -> Result<Arc<dyn Policy>, BuildPolicyError> {
    if !(1..=MAX_VERSION_BYTES).contains(&version.len()) {
        return Err(BuildPolicyError::VersionLength {
            version: version.into(),
            length: version.len(),
        });
    }
    if find(version).is_ok() {
        return Err(BuildPolicyError::NameOfRule(version.into()));
    }
    let weights = Weights::from_bytes(weights)?.with_version(version)?;
    Ok(Learned::new(version, &weights)?)
}
