//! Policies as the record keeps them.

use std::sync::Arc;

use bytes::Bytes;

use super::{FindPolicyError, Learned, Policy, find};
use crate::inference::{Weights, WeightsError};

/// Longest version of a network: what is recorded of a decision names it, and has 64 bytes in all.
pub const MAX_VERSION_BYTES: usize = 17;

/// What a policy is made from: one that is built in from its name, which may have a number behind it, another from weights.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PolicySource {
    pub version: Arc<str>,
    /// `None`: it is built in.
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
    #[error("`{0}` is the name of a policy that is built in; give the weights another version")]
    NameTaken(Box<str>),
}

impl PolicySource {
    /// One that is built in.
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
/// When they are not those of a network that this program can run, or the version is taken by one that is built in.
fn network(version: &str, weights: &[u8]) -> Result<Arc<dyn Policy>, BuildPolicyError> {
    if !(1..=MAX_VERSION_BYTES).contains(&version.len()) {
        return Err(BuildPolicyError::VersionLength {
            version: version.into(),
            length: version.len(),
        });
    }
    if find(version).is_ok() {
        return Err(BuildPolicyError::NameTaken(version.into()));
    }
    let weights = Weights::from_bytes(weights)?.with_version(version)?;
    Ok(Learned::new(version, &weights)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::{Architecture, Form, Layout};

    fn source(version: &str, weights: Vec<u8>) -> PolicySource {
        PolicySource {
            version: version.into(),
            weights: Some(weights.into()),
        }
    }

    fn linear() -> Vec<u8> {
        let architecture = Architecture {
            form: Form::Linear,
            value: None,
        };
        let layout = Layout::new(["log_estimate"], []).unwrap();
        let zero = Weights::zero("file", architecture, layout).unwrap();
        zero.to_bytes().unwrap()
    }

    #[test]
    fn a_network_is_known_by_its_version() {
        let policy = source("v7", linear()).build().unwrap();
        assert_eq!(policy.name(), "v7");
        assert_eq!(
            PolicySource::rule("aging:5").build().unwrap().name(),
            "aging:5"
        );
    }

    #[test]
    fn names_stay_apart_and_short() {
        for (version, problem) in [
            ("saf", "built in"),
            ("learned", "built in"),
            ("weighted:2", "built in"),
            ("eighteen-letters-x", "18 bytes"),
            ("", "0 bytes"),
            ("a:b", "letters, digits"),
        ] {
            let refused = source(version, linear()).build().unwrap_err().to_string();
            assert!(refused.contains(problem), "{version}: {refused}");
        }
        let broken = source("v7", vec![1, 2]).build().unwrap_err();
        assert!(matches!(broken, BuildPolicyError::Weights(_)), "{broken}");
    }
}
