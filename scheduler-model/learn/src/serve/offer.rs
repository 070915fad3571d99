use std::collections::BTreeSet;

use drover_model::{inference::WeightsError, policy::MAX_VERSION_BYTES};
use drover_proto::v1::{OfferCandidateRequest, PolicyOrigin, WindowComparison, WindowFigures};

use super::{Learned, ServeError, Worth};
use crate::LearnError;

/// A version is this, a hyphen and a number of at most so many digits.
const DIGITS: usize = 4;
const LONGEST_PREFIX: usize = MAX_VERSION_BYTES - 1 - DIGITS;

/// How versions of a learner are called: `online-1`, `online-2` and so on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Naming {
    prefix: String,
}

impl Naming {
    /// # Errors
    /// A prefix that is no part of a version.
    pub fn new(prefix: &str) -> Result<Self, ServeError> {
        let is_allowed = |sign: char| sign.is_ascii_alphanumeric() || "._-".contains(sign);
        match (1..=LONGEST_PREFIX).contains(&prefix.len()) && prefix.chars().all(is_allowed) {
            true => Ok(Self {
                prefix: prefix.to_owned(),
            }),
            false => Err(ServeError::Prefix {
                prefix: prefix.to_owned(),
                longest: LONGEST_PREFIX,
            }),
        }
    }

    /// One more than the highest that is taken.
    fn next(&self, taken: &BTreeSet<String>) -> String {
        let number = |version: &String| {
            let number = version.strip_prefix(&self.prefix)?.strip_prefix('-')?;
            number.parse::<u64>().ok()
        };
        let highest = taken.iter().filter_map(number).max().unwrap_or(0);
        format!("{}-{}", self.prefix, highest.saturating_add(1))
    }
}

/// What the gate is asked.
///
/// # Errors
/// When the weights cannot be written.
pub(super) fn offer(
    learned: &Learned,
    naming: &Naming,
    taken: &BTreeSet<String>,
    command: &str,
    seed: u64,
) -> Result<OfferCandidateRequest, LearnError> {
    let version = naming.next(taken);
    let named = learned.candidate.clone().with_version(&version);
    let weights = named.and_then(|named| named.to_bytes());
    let pairs = learned.judgement.pairs.iter();
    Ok(OfferCandidateRequest {
        weights: weights.map_err(|error: WeightsError| error)?.into(),
        version,
        origin: Some(PolicyOrigin {
            command: command.to_owned(),
            seed: Some(seed),
            parent: learned.candidate.version().to_owned(),
            evaluation: evaluation(learned),
            note: learned.to_string(),
        }),
        incumbent: learned.source.in_use.clone(),
        windows: pairs
            .map(|pair| WindowComparison {
                candidate: Some(figures(&pair.candidate)),
                incumbent: Some(figures(&pair.in_use)),
            })
            .collect(),
    })
}

fn figures(worth: &Worth) -> WindowFigures {
    WindowFigures {
        objective: worth.objective,
        p99_slowdown: worth.p99_slowdown.max(1.0),
        miss_share: worth.miss_share,
        longest_wait_s: worth.longest_wait_s,
    }
}

/// As JSON, for `drover policy show`.
fn evaluation(learned: &Learned) -> String {
    let (candidate, in_use) = learned.judgement.objectives();
    serde_json::json!({
        "windows": learned.judgement.windows(),
        "better_in": learned.judgement.better_in(),
        "objective": candidate,
        "in_use": learned.source.in_use,
        "objective_in_use": in_use,
        "jobs_trained_on": learned.source.earlier,
        "jobs_evaluated_on": learned.source.later,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(versions: &[&str]) -> BTreeSet<String> {
        versions.iter().map(|&version| version.to_owned()).collect()
    }

    #[test]
    fn versions_count_up_from_the_highest() {
        let naming = Naming::new("online").unwrap();
        assert_eq!(naming.next(&taken(&["learned-9", "fifo"])), "online-1");
        let some = taken(&["online-9", "online-10", "online-x", "onlines-77"]);
        assert_eq!(naming.next(&some), "online-11");
    }

    #[test]
    fn a_prefix_leaves_room_for_a_number() {
        assert!(Naming::new("edge.cluster").is_ok());
        for wrong in ["", "a-prefix-too-", "nö", "a b"] {
            let problem = Naming::new(wrong).unwrap_err().to_string();
            assert!(problem.contains("1 to 12 letters"), "{problem}");
        }
    }
}
