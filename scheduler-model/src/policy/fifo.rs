use super::{Facts, Policy};

/// First in, first out: by s, the time of submission. Also known as first come, first served.
#[derive(Debug)]
pub(super) struct FirstInFirstOut;

impl Policy for FirstInFirstOut {
    fn name(&self) -> &str {
        "fifo"
    }

    fn description(&self) -> &str {
        "first in, first out: oldest job first"
    }

    fn key(&self, facts: &Facts) -> i64 {
        facts.submitted_at.0
    }
}
