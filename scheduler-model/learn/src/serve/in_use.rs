use std::collections::BTreeSet;

use drover_model::{
    inference::Weights,
    observation::layout,
    policy::{self, Learned, shipped_weights},
};
use drover_proto::{time, v1::ListPoliciesResponse};
use drover_sim::simulate::{Options, Rounds};

use super::ServeError;

/// What ranks and how, as a learner has to know it.
#[derive(Clone, Debug)]
pub struct InUse {
    /// A rule by its name, or a version.
    pub policy: String,
    /// As the coordinator dispatches.
    pub options: Options,
    /// Where a search may begin: the network in use, if it is one, and what this program ships. Their columns are those
    /// that it observes.
    pub starts: Vec<Weights>,
    /// That are taken.
    pub versions: BTreeSet<String>,
}

/// Whether the weights of what is in use are needed: it is not part of this program.
pub(super) fn is_stored(said: &ListPoliciesResponse) -> bool {
    policy::find(&said.active).is_err()
}

impl InUse {
    /// `weights`: those of a stored policy.
    ///
    /// # Errors
    /// When the coordinator observes less than this program, the weights cannot be used here, or it says what makes no sense.
    pub(super) fn new(
        said: ListPoliciesResponse,
        weights: Option<&[u8]>,
    ) -> Result<Self, ServeError> {
        check_features(&said.features)?;
        let mut starts = Vec::new();
        let policy = match weights {
            None => policy::find(&said.active).map_err(|problem| answer(&said.active, &problem))?,
            Some(weights) => {
                let network = aligned(&said.active, weights)?;
                let policy = Learned::new(&said.active, &network);
                starts.push(network);
                policy.expect("columns are aligned")
            }
        };
        let shipped = shipped_weights().aligned(&layout());
        starts.push(shipped.expect("this program observes what its own weights need"));
        let mode = said.dispatch_mode.parse();
        let mode = mode.map_err(|problem| answer(&said.dispatch_mode, &problem))?;
        let options = Options {
            weights: score_weights(&said)?,
            age_cap_ms: age_cap_ms(&said)?,
            backfill: backfill(&said)?,
            // As the driver does it: a round sees all that came with one turn.
            rounds: Rounds::EachMoment,
            ..Options::new(policy, mode)
        };
        Ok(Self {
            options,
            starts,
            versions: said.versions.into_iter().map(|it| it.version).collect(),
            policy: said.active,
        })
    }
}

/// Weights in use, with the columns that this program observes.
fn aligned(version: &str, weights: &[u8]) -> Result<Weights, ServeError> {
    let weights = Weights::from_bytes(weights);
    let aligned = weights.and_then(|weights| weights.aligned(&layout()));
    aligned.map_err(|source| ServeError::InUse {
        version: version.to_owned(),
        source,
    })
}

/// # Errors
/// With what this program observes and the coordinator does not.
fn check_features(theirs: &[String]) -> Result<(), ServeError> {
    let observed = layout();
    let ours = observed.candidate().iter().chain(observed.global());
    let missing: Vec<&str> = ours
        .filter(|feature| !theirs.contains(feature))
        .map(String::as_str)
        .collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(ServeError::NotObserved {
            features: missing.join(", "),
        }),
    }
}

fn score_weights(said: &ListPoliciesResponse) -> Result<drover_model::Weights, ServeError> {
    let weights = said.score_weights.parse();
    weights.map_err(|problem| answer(&said.score_weights, &problem))
}

fn age_cap_ms(said: &ListPoliciesResponse) -> Result<Option<u64>, ServeError> {
    let cap = said.age_cap.as_ref().map(time::to_ms).transpose();
    cap.map_err(|problem| answer("age_cap", &problem))
}

fn backfill(
    said: &ListPoliciesResponse,
) -> Result<Option<std::sync::Arc<dyn policy::Policy>>, ServeError> {
    let name = Some(&said.backfill_order).filter(|name| !name.is_empty());
    let found = name.map(|name| policy::find(name)).transpose();
    found.map_err(|problem| answer(&said.backfill_order, &problem))
}

fn answer(what: &str, problem: &dyn std::fmt::Display) -> ServeError {
    ServeError::Answer {
        what: format!("`{what}`"),
        problem: problem.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::example;

    fn said(active: &str) -> ListPoliciesResponse {
        let observed = layout();
        let columns = observed.candidate().iter().chain(observed.global());
        ListPoliciesResponse {
            active: active.to_owned(),
            dispatch_mode: "easy".to_owned(),
            score_weights: drover_model::Weights::default().to_string(),
            features: columns.cloned().collect(),
            age_cap: Some(time::duration(7_000)),
            ..ListPoliciesResponse::default()
        }
    }

    fn refused(said: ListPoliciesResponse, weights: Option<&[u8]>) -> String {
        InUse::new(said, weights).unwrap_err().to_string()
    }

    #[test]
    fn a_rule_is_compared_with_and_what_is_shipped_begun_with() {
        let in_use = InUse::new(said("fifo"), None).unwrap();
        assert_eq!(in_use.options.policy.name(), "fifo");
        assert_eq!(in_use.options.age_cap_ms, Some(7_000));
        assert_eq!(in_use.starts.len(), 1);
        assert!(!is_stored(&said("learned")) && is_stored(&said("v7")));
    }

    #[test]
    fn weights_in_use_come_first() {
        let bytes = example::by_feature("log_estimate", -1.0)
            .to_bytes()
            .unwrap();
        let in_use = InUse::new(said("v7"), Some(&bytes)).unwrap();
        assert_eq!(in_use.options.policy.name(), "v7");
        let versions: Vec<&str> = in_use.starts.iter().map(Weights::version).collect();
        assert_eq!(versions, ["least-first", shipped_weights().version()]);
    }

    #[test]
    fn what_only_one_side_knows_is_named() {
        let unknown = example::by_feature("mood", 1.0).to_bytes().unwrap();
        let problem = refused(said("v7"), Some(&unknown));
        assert!(
            problem.starts_with("the weights of `v7`, which is in use"),
            "{problem}"
        );
        assert!(problem.contains("`mood`"), "{problem}");
        let mut less = said("fifo");
        let dropped = less.features.remove(3);
        let problem = refused(less, None);
        assert!(
            problem.contains(&format!("does not observe {dropped}")),
            "{problem}"
        );
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        let mode = ListPoliciesResponse {
            dispatch_mode: "lazy".to_owned(),
            ..said("fifo")
        };
        assert!(refused(mode, None).starts_with("the coordinator says `lazy`"));
        let broken = refused(said("v7"), Some(b"weights"));
        assert!(
            broken.contains("not a complete safetensors file"),
            "{broken}"
        );
    }
}
