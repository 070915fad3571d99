use super::{Facts, Policy};

/// Smallest area first: n r, estimated run time times processors (Carastan-Santos et al., "One can only gain by replacing
/// EASY Backfilling", CCGrid 2019).
#[derive(Debug)]
pub(super) struct SmallestAreaFirst;

impl Policy for SmallestAreaFirst {
    fn name(&self) -> &str {
        "saf"
    }

    fn description(&self) -> &str {
        "smallest area first: estimated run time times cpu, or gpus where these are more"
    }

    fn key(&self, facts: &Facts) -> i64 {
        i64::try_from(facts.area()).unwrap_or(i64::MAX)
    }
}
