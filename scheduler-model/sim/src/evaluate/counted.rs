//! Which jobs of a run count.

use std::ops::Range;

use crate::{
    simulate::{JobOutcome, Outcome},
    trace::Trace,
};

/// The share of jobs, first submitted first, that are left out where a cluster that starts empty should not flatter.
pub const WARM_UP: f64 = 0.1;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Counted {
    All,
    /// All but the first tenth ([`WARM_UP`]), rounded down.
    AfterWarmUp,
    /// Those submitted then, in milliseconds from the beginning of the trace.
    Submitted(Range<u64>),
}

impl Counted {
    /// Whether any job of the trace would count.
    pub fn counts_any(&self, trace: &Trace) -> bool {
        let mut submitted = trace.jobs.iter().map(|job| job.submitted_ms);
        match self {
            // Of one job a tenth is none.
            Self::All | Self::AfterWarmUp => submitted.next().is_some(),
            Self::Submitted(range) => submitted.any(|submitted_ms| range.contains(&submitted_ms)),
        }
    }

    /// By submission and place in the trace: sums of floating-point numbers depend on the order of what they add.
    pub(super) fn jobs<'a>(&self, outcome: &'a Outcome) -> Vec<&'a JobOutcome> {
        let mut jobs: Vec<&JobOutcome> = outcome.jobs.iter().collect();
        jobs.sort_unstable_by_key(|job| (job.submitted_ms, job.job));
        match self {
            Self::All => {}
            Self::AfterWarmUp => {
                let skipped = (jobs.len() as f64 * WARM_UP) as usize;
                jobs.drain(..skipped);
            }
            Self::Submitted(range) => jobs.retain(|job| range.contains(&job.submitted_ms)),
        }
        jobs
    }
}
