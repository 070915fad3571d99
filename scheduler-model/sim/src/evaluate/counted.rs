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

    /// A stretch of time in so many parts of equal length; what is none stays whole.
    pub fn slices(&self, count: u32) -> Vec<Self> {
        let Self::Submitted(range) = self else {
            return vec![self.clone()];
        };
        let (count, length) = (
            u64::from(count.max(1)),
            range.end.saturating_sub(range.start),
        );
        let bound = |place| range.start + length * place / count;
        let slice = |place| Self::Submitted(bound(place)..bound(place + 1));
        (0..count).map(slice).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_all_of_a_stretch() {
        let submitted = Counted::Submitted;
        let slices = submitted(10..21).slices(3);
        assert_eq!(slices, [10..13, 13..17, 17..21].map(submitted));
        assert_eq!(Counted::AfterWarmUp.slices(3), [Counted::AfterWarmUp]);
    }
}
