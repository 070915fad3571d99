use super::{Facts, Policy};

/// Highest priority first, then oldest.
#[derive(Debug)]
pub(super) struct HighestPriorityFirst;

impl Policy for HighestPriorityFirst {
    fn name(&self) -> &'static str {
        "priority"
    }

    fn description(&self) -> &'static str {
        "highest priority first, then oldest job"
    }

    fn key(&self, facts: &Facts) -> i64 {
        -i64::from(facts.priority.get())
    }
}
