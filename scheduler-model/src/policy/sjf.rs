use super::{Facts, Policy};

/// Shortest job first, task by task: by estimated run time.
#[derive(Debug)]
pub(super) struct ShortestJobFirst;

impl Policy for ShortestJobFirst {
    fn name(&self) -> &'static str {
        "sjf"
    }

    fn description(&self) -> &'static str {
        "shortest job first: smallest estimated run time of the task"
    }

    fn key(&self, facts: &Facts) -> i64 {
        i64::try_from(facts.estimate_ms).unwrap_or(i64::MAX)
    }
}
