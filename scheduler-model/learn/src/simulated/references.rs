use drover_model::dispatch::Mode;

/// A rule in a mode of dispatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    pub policy: &'static str,
    pub mode: Mode,
}

const fn rule(policy: &'static str, mode: Mode) -> Reference {
    Reference { policy, mode }
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

/// What a network is measured against on a family.
pub fn references(family: &str) -> &'static [Reference] {
    match family {
        "dag" => &GRAPHS,
        "edge-cloud-gpu" => &UNLIKE_NODES,
        "lublin" => &PARALLEL,
        _ => &STRONGEST,
    }
}

#[cfg(test)]
mod tests {
    use drover_model::policy;

    use super::*;

    #[test]
    fn they_are_rules() {
        for family in ["steady", "dag", "edge-cloud-gpu", "lublin"] {
            for reference in references(family) {
                assert!(policy::find(reference.policy).is_ok(), "{reference:?}");
            }
        }
    }
}
