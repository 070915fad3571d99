//! Windows of load that never was, and could have been.
//!
//! A slice of recent load is one sample, and a comparison on it alone would not know how much of it is luck. So windows are
//! drawn from it as the circular block bootstrap draws series (Politis, Romano, "A circular block-resampling procedure for
//! stationary data", in "Exploring the Limits of Bootstrap", Wiley 1992): blocks of jobs that came one after the other, each
//! job with the time since the one before it, are put together in random order until the window is as long as the slice.
//! Bursts, and what follows what within a block, stay; the order of blocks does not.

use drover_sim::{
    random::{Purpose, Random},
    trace::{Trace, TraceJob},
};

/// Of a window's length.
const BLOCK_SHARE: usize = 10;
const SHORTEST_BLOCK: usize = 10;

/// A slice to draw windows from. Not empty.
#[derive(Clone, Debug)]
pub struct Resampler {
    slice: Trace,
    /// Of each job, since the one before it in milliseconds; of the first, the mean of the others.
    gaps_ms: Vec<u64>,
}

impl Resampler {
    /// `None` for a slice without jobs.
    pub fn new(slice: Trace) -> Option<Self> {
        let (first, last) = (slice.jobs.first()?, slice.jobs.last()?);
        let between = (slice.jobs.len() as u64 - 1).max(1);
        let mean_ms = (last.submitted_ms - first.submitted_ms) / between;
        let pairs = slice.jobs.windows(2);
        let gaps = pairs.map(|pair| pair[1].submitted_ms - pair[0].submitted_ms);
        let gaps_ms = std::iter::once(mean_ms).chain(gaps).collect();
        Some(Self { slice, gaps_ms })
    }

    /// Jobs of the slice, and of each window.
    pub fn jobs(&self) -> usize {
        self.slice.jobs.len()
    }

    /// The window of a seed.
    pub fn window(&self, seed: u64) -> Trace {
        let mut random = Random::new(seed, Purpose::Arrivals);
        let length = self.jobs();
        let block = (length / BLOCK_SHARE).max(SHORTEST_BLOCK);
        let mut jobs: Vec<TraceJob> = Vec::with_capacity(length);
        let mut now_ms = 0;
        while jobs.len() < length {
            let first = random.below(length as u64) as usize;
            for place in (first..).take(block.min(length - jobs.len())) {
                let place = place % length;
                if !jobs.is_empty() {
                    now_ms += self.gaps_ms[place];
                }
                jobs.push(TraceJob {
                    submitted_ms: now_ms,
                    ..self.slice.jobs[place].clone()
                });
            }
        }
        Trace {
            name: self.slice.name.clone(),
            nodes: self.slice.nodes.clone(),
            jobs,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::serve::example;

    #[test]
    fn a_window_has_blocks_of_the_slice_and_as_many_jobs() {
        let slice = example::load(200);
        let resampler = Resampler::new(slice.clone()).unwrap();
        let window = resampler.window(7);
        assert_eq!(window, resampler.window(7));
        assert_ne!(window, resampler.window(8));
        assert_eq!(window.jobs.len(), 200);
        let place = |job: &TraceJob| slice.jobs.iter().position(|it| it.name == job.name);
        let follow = window.jobs.windows(2).filter(|pair| {
            let (one, next) = (place(&pair[0]).unwrap(), place(&pair[1]).unwrap());
            next == (one + 1) % 200
        });
        // Ten blocks of twenty.
        assert!(follow.count() >= 190);
        let gap = |jobs: &[TraceJob], at: usize| jobs[at].submitted_ms - jobs[at - 1].submitted_ms;
        for at in 1..200 {
            let from = place(&window.jobs[at]).unwrap();
            if from > 0 {
                assert_eq!(gap(&window.jobs, at), gap(&slice.jobs, from), "job {at}");
            }
        }
    }

    #[test]
    fn every_job_may_come() {
        let resampler = Resampler::new(example::load(30)).unwrap();
        let mut seen = BTreeSet::new();
        for seed in 0..40 {
            seen.extend(resampler.window(seed).jobs.into_iter().map(|job| job.name));
        }
        assert_eq!(seen.len(), 30);
        assert!(
            Resampler::new(Trace {
                jobs: Vec::new(),
                ..example::load(1)
            })
            .is_none()
        );
    }
}
