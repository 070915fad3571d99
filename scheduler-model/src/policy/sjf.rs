use super::{Facts, Policy};

/// Shortest job first, task by task: by r, the estimated run time (Smith, "Various optimizers for single-stage production",
/// Naval Research Logistics Quarterly 1956).
#[derive(Debug)]
pub(super) struct ShortestJobFirst;

impl Policy for ShortestJobFirst {
    fn name(&self) -> &str {
        "sjf"
    }

    fn description(&self) -> &str {
        "shortest job first: smallest estimated run time of the task"
    }

    fn key(&self, facts: &Facts) -> i64 {
        i64::try_from(facts.estimate_ms).unwrap_or(i64::MAX)
    }
}
