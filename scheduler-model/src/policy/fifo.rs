use super::{Facts, Policy};

/// First in, first out: by time of submission.
#[derive(Debug)]
pub(super) struct FirstInFirstOut;

impl Policy for FirstInFirstOut {
    fn name(&self) -> &'static str {
        "fifo"
    }

    fn description(&self) -> &'static str {
        "first in, first out: oldest job first"
    }

    fn key(&self, facts: &Facts) -> i64 {
        facts.submitted_at.0
    }
}
