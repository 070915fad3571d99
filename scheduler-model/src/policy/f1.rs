use super::{Facts, Policy, key::ascending};

/// F1: log10(r) n + 870 log10(s), smallest first, for estimated run time r and time of submission s in seconds and n
/// processors; fitted to simulations (Carastan-Santos, de Camargo, "Obtaining dynamic scheduling policies with simulation and
/// machine learning", SC 2017, table 4).
///
/// s counts from the beginning of the log that it was fitted to, as it does in the simulator. On a live cluster, whose time
/// counts from 1970, it hardly differs between jobs, and the rule is that of log10(r) n.
#[derive(Debug)]
pub(super) struct F1;

impl Policy for F1 {
    fn name(&self) -> &str {
        "f1"
    }

    fn description(&self) -> &str {
        "F1 of Carastan-Santos and de Camargo: log10(run time) x processors + 870 log10(submission time)"
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "only what a round decides depends on it, and that is recorded"
    )]
    fn key(&self, facts: &Facts) -> i64 {
        let submitted_s = (facts.submitted_at.0 as f64 / 1_000.0).max(1e-3);
        ascending(facts.estimate_s().log10() * facts.processors() + 870.0 * submitted_s.log10())
    }
}
