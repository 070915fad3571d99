use super::{Facts, Policy};

/// Smallest area first: estimated run time times processors (Carastan-Santos et al., "One can only gain by replacing
/// EASY Backfilling", CCGrid 2019).
#[derive(Debug)]
pub(super) struct SmallestAreaFirst;

impl Policy for SmallestAreaFirst {
    fn name(&self) -> &'static str {
        "saf"
    }

    fn description(&self) -> &'static str {
        "smallest area first: estimated run time times cpu"
    }

    fn key(&self, facts: &Facts) -> i64 {
        let area = u128::from(facts.estimate_ms) * u128::from(facts.resources.cpu_millis);
        i64::try_from(area).unwrap_or(i64::MAX)
    }
}
