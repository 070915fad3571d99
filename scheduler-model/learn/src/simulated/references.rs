use drover_model::dispatch::Mode;

use super::Measure;

/// A rule in a mode of dispatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    pub policy: &'static str,
    /// `None`: the one in which the network competes.
    pub mode: Option<Mode>,
}

const fn rule(policy: &'static str, mode: Mode) -> Reference {
    Reference {
        policy,
        mode: Some(mode),
    }
}

const fn in_any(policy: &'static str) -> Reference {
    Reference { policy, mode: None }
}

/// The strongest on made-up workloads, at one load or another (docs/evaluation.md).
const STRONGEST: [Reference; 3] = [
    rule("sjf", Mode::Easy),
    rule("saf", Mode::Strict),
    rule("edf", Mode::Easy),
];
const GRAPHS: [Reference; 2] = [rule("srpt", Mode::Strict), rule("srpt", Mode::Easy)];
const UNLIKE_NODES: [Reference; 2] = [rule("edf", Mode::Easy), rule("sjf-cp", Mode::Easy)];
const PARALLEL: [Reference; 2] = [rule("saf", Mode::Strict), rule("saf", Mode::Easy)];

/// Where waits are held against those of the rule, it has to be one that fills the machine as much.
const SMALLEST_AREA: [Reference; 1] = [in_any("saf")];
const URGENT: [Reference; 3] = [in_any("edf-admission"), in_any("slack-area"), in_any("saf")];
const SHARES: [Reference; 3] = [in_any("fair"), in_any("weighted:-1"), in_any("srpt")];

/// What a network is measured against on a family or a log.
pub fn references(name: &str, measure: Measure) -> &'static [Reference] {
    match (measure, name) {
        (Measure::Objective, "dag") => &GRAPHS,
        (Measure::Objective, "edge-cloud-gpu") => &UNLIKE_NODES,
        (Measure::Objective, "lublin") => &PARALLEL,
        (Measure::Objective, _) => &STRONGEST,
        (Measure::Slowdown, _) => &SMALLEST_AREA,
        (Measure::Misses, _) => &URGENT,
        (Measure::Completion, _) => &SHARES,
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;
    use drover_model::policy;

    use super::*;

    #[test]
    fn they_are_rules() {
        for measure in Measure::value_variants() {
            for family in ["steady", "dag", "edge-cloud-gpu", "lublin"] {
                for reference in references(family, *measure) {
                    assert!(policy::find(reference.policy).is_ok(), "{reference:?}");
                }
            }
        }
    }
}
