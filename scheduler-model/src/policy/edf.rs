use super::{Facts, Policy};

/// Earliest deadline first (Liu, Layland, "Scheduling Algorithms for Multiprogramming in a Hard-Real-Time Environment",
/// JACM 1973, section 7). Without a deadline a task comes after all that have one.
#[derive(Debug)]
pub(super) struct EarliestDeadlineFirst;

impl Policy for EarliestDeadlineFirst {
    fn name(&self) -> &'static str {
        "edf"
    }

    fn description(&self) -> &'static str {
        "earliest deadline first; without a deadline last, oldest first"
    }

    fn key(&self, facts: &Facts) -> i64 {
        facts.deadline.map_or(i64::MAX, |deadline| deadline.0)
    }
}
