use std::sync::Arc;

use drover_model::{
    inference::{Network, Weights},
    policy::Learned,
};
use drover_sim::{
    random::{Purpose, Random},
    simulate::{Options, SimulateError},
};

use super::{Resampler, Worth};

/// The gate wants ten at least.
const WINDOWS: usize = 20;

/// In fewer of them the slice itself leaves it open who is better.
const ENOUGH: usize = 18;

/// A candidate and the policy in use, window by window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    pub candidate: Worth,
    pub in_use: Worth,
}

/// How a candidate did on the later slice.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    pub pairs: Vec<Pair>,
}

/// Runs a candidate and the policy in use, which is that of `options`, on windows of a slice that it was not trained on.
///
/// # Errors
/// When they cannot be simulated.
pub fn judge(
    candidate: &Weights,
    later: &Resampler,
    options: &Options,
    seed: u64,
) -> Result<Judgement, SimulateError> {
    let by_candidate = Options {
        policy: Learned::by("candidate", Arc::new(Network::new(candidate))),
        ..options.clone()
    };
    let mut random = Random::new(seed, Purpose::Checks);
    let pair = |_| {
        let window = later.window(random.draw());
        Ok(Pair {
            candidate: Worth::of(&window, &by_candidate)?,
            in_use: Worth::of(&window, options)?,
        })
    };
    let pairs = (0..WINDOWS)
        .map(pair)
        .collect::<Result<_, SimulateError>>()?;
    Ok(Judgement { pairs })
}

impl Judgement {
    pub fn windows(&self) -> usize {
        self.pairs.len()
    }

    /// In how many of them J of the candidate is lower.
    pub fn better_in(&self) -> usize {
        let is_better = |pair: &&Pair| pair.candidate.objective < pair.in_use.objective;
        self.pairs.iter().filter(is_better).count()
    }

    /// Windows drawn from one slice are replicates of it, not new evidence: the gate's interval of their mean grows narrow
    /// with their number, however short the slice is. What tells luck is how many replicates agree (Efron's percentile
    /// interval), so fewer than nine in ten are not enough to bother the gate.
    pub fn is_enough(&self) -> bool {
        self.better_in() >= ENOUGH
    }

    /// Mean J of the candidate, and of the policy in use.
    pub fn objectives(&self) -> (f64, f64) {
        let mean = |of: fn(&Pair) -> &Worth| {
            let values = self.pairs.iter().map(|pair| of(pair).objective);
            values.sum::<f64>() / self.pairs.len().max(1) as f64
        };
        (mean(|pair| &pair.candidate), mean(|pair| &pair.in_use))
    }
}

#[cfg(test)]
mod tests {
    use drover_model::{dispatch::Mode, observation::layout, policy};

    use super::*;
    use crate::serve::example;

    fn judged(weight: f32) -> Judgement {
        let weights = example::by_feature("log_estimate", weight);
        let weights = weights.aligned(&layout()).unwrap();
        let later = Resampler::new(example::load(60)).unwrap();
        let options = Options::new(policy::find("fifo").unwrap(), Mode::Easy);
        judge(&weights, &later, &options, 5).unwrap()
    }

    #[test]
    fn short_first_is_better_where_short_jobs_have_deadlines() {
        let judgement = judged(-1.0);
        assert_eq!(judgement.windows(), WINDOWS);
        assert!(judgement.is_enough(), "{judgement:?}");
        let (candidate, in_use) = judgement.objectives();
        assert!(candidate < in_use, "{candidate} {in_use}");
        let missed = |of: fn(&Pair) -> Worth| -> f64 {
            judgement.pairs.iter().map(|pair| of(pair).miss_share).sum()
        };
        assert!(missed(|pair| pair.candidate) < missed(|pair| pair.in_use));
    }

    #[test]
    fn long_first_is_not() {
        let judgement = judged(1.0);
        assert!(!judgement.is_enough(), "{judgement:?}");
        assert!(judgement.better_in() < WINDOWS / 2);
    }
}
