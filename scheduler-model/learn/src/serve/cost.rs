use std::sync::Arc;

use drover_model::{inference::Network, policy::Learned};
use drover_sim::{
    simulate::{Options, SimulateError},
    trace::Trace,
};

use super::{Anchor, Resampler, Worth};
use crate::{direct::Objective, windows::Windows};

/// Being worse than the policy in use costs so much more than being better gains.
const WORSE: f64 = 1.0;
/// Of the logarithms by which the 99th percentile of slowdown and the longest wait grow: the gate refuses worse tails.
const TAIL: f64 = 0.5;
/// Waits that are shorter by far are all alike.
const SHORT_WAIT_S: f64 = 1.0;
/// Of a share of missed deadlines more.
const MISS: f64 = 2.0;
/// Of a nat of drift: who wants to decide quite otherwise has to gain some percent by it.
const ANCHOR: f64 = 0.02;

/// What a network costs in a window of recent load: the logarithm of its J by that of the policy in use, more where it is worse
/// or has worse tails, and its drift from where it began.
#[derive(Debug)]
pub struct RecentCost {
    resampler: Resampler,
    /// By the policy in use.
    options: Options,
    anchor: Anchor,
    known: Windows<Measured>,
}

#[derive(Debug)]
struct Measured {
    window: Trace,
    in_use: Result<Worth, SimulateError>,
}

impl RecentCost {
    /// `options` hold the policy in use.
    pub fn new(resampler: Resampler, options: Options, anchor: Anchor) -> Self {
        Self {
            resampler,
            options,
            anchor,
            known: Windows::default(),
        }
    }

    pub fn anchor(&self) -> &Anchor {
        &self.anchor
    }

    fn window(&self, seed: u64) -> Arc<Measured> {
        self.known.get(seed, || {
            let window = self.resampler.window(seed);
            Measured {
                in_use: Worth::of(&window, &self.options),
                window,
            }
        })
    }

    fn compare(&self, network: &Network, seed: u64) -> Result<f64, SimulateError> {
        let measured = self.window(seed);
        let options = Options {
            policy: Learned::by("candidate", Arc::new(network.clone())),
            ..self.options.clone()
        };
        let candidate = Worth::of(&measured.window, &options)?;
        Ok(of_figures(&candidate, &measured.in_use.clone()?))
    }
}

fn of_figures(candidate: &Worth, in_use: &Worth) -> f64 {
    let ratio = (candidate.objective / in_use.objective).ln();
    let slowdown = (candidate.p99_slowdown / in_use.p99_slowdown).ln();
    let wait = |worth: &Worth| SHORT_WAIT_S + worth.longest_wait_s;
    let wait = (wait(candidate) / wait(in_use)).ln();
    let misses = candidate.miss_share - in_use.miss_share;
    ratio
        + WORSE * ratio.max(0.0)
        + TAIL * (slowdown.max(0.0) + wait.max(0.0))
        + MISS * misses.max(0.0)
}

impl Objective for RecentCost {
    fn cost(&self, network: &Network, seed: u64) -> f64 {
        let cost = self.compare(network, seed);
        cost.map_or(f64::NAN, |cost| cost + ANCHOR * self.anchor.drift(network))
    }
}

#[cfg(test)]
mod tests {
    use drover_model::{dispatch::Mode, observation::layout, policy};

    use super::*;
    use crate::serve::example;

    const USUAL: Worth = Worth {
        objective: 8.0,
        p99_slowdown: 40.0,
        miss_share: 0.2,
        longest_wait_s: 99.0,
    };

    #[test]
    fn a_gain_is_no_gain_with_worse_tails() {
        assert_eq!(of_figures(&USUAL, &USUAL), 0.0);
        let better = Worth {
            objective: 4.0,
            ..USUAL
        };
        let gain = of_figures(&better, &USUAL);
        assert!((gain + std::f64::consts::LN_2).abs() < 1e-12, "{gain}");
        assert_eq!(
            of_figures(&USUAL, &better),
            -2.0 * gain,
            "losses count twice"
        );
        let tails: [fn(&mut Worth); 3] = [
            |it| it.p99_slowdown *= 2.0,
            |it| it.longest_wait_s = 199.0,
            |it| it.miss_share = 0.5,
        ];
        for worsen in tails {
            let mut candidate = better;
            worsen(&mut candidate);
            assert!(of_figures(&candidate, &USUAL) > gain + 0.3, "{candidate:?}");
        }
    }

    #[test]
    fn who_drifts_far_pays_for_it() {
        let network = |weight: f32| {
            let weights = example::by_feature("log_estimate", weight);
            Network::new(&weights.aligned(&layout()).unwrap())
        };
        let (near, far) = (network(-1.0), network(1.0));
        let cost_of_near = |anchored_to: &Network| {
            let resampler = Resampler::new(example::load(60)).unwrap();
            let options = Options::new(policy::find("fifo").unwrap(), Mode::Easy);
            let anchor = Anchor::new(anchored_to, &resampler, &options);
            let drift = anchor.drift(&near);
            let cost = RecentCost::new(resampler, options, anchor);
            (cost.cost(&near, 9), drift)
        };
        let (at_home, none) = cost_of_near(&near);
        let (abroad, drift) = cost_of_near(&far);
        assert!(none == 0.0 && drift > 1.0, "{none} {drift}");
        let paid = abroad - at_home;
        assert!((paid - ANCHOR * drift).abs() < 1e-12, "{paid} for {drift}");
    }
}
