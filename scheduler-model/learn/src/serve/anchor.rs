use std::sync::Arc;

use drover_model::{
    inference::{Network, Scratch},
    policy::Learned,
};
use drover_sim::simulate::{Options, simulate};

use super::Resampler;
use crate::{Observation, watch::Watch};

/// Windows of load that are watched.
const WATCHED: u64 = 4;
/// One decision in so many is kept.
const EVERY: usize = 7;
/// No more than that are looked at for each network.
const MOST_DECISIONS: usize = 64;
/// Scores that are all equal have no spread.
const LEAST_TEMPERATURE: f64 = 1e-6;

/// How far a network has drifted from the one that it began with: the mean Kullback-Leibler divergence of what both would
/// choose, in nats, over decisions that the first one met under recent load.
///
/// Networks only rank, so there are no probabilities to compare. They are made as softmax of scores, at a temperature that is
/// the mean deviation of the first one's scores within a window: then neither the scale of the weights nor a shift of all
/// scores matters, but only who is preferred to whom, and by how much.
#[derive(Debug)]
pub struct Anchor {
    decisions: Vec<Decision>,
    temperature: f64,
}

#[derive(Debug)]
struct Decision {
    observation: Observation,
    /// Scores of the first network for those that may be chosen.
    scores: Vec<f64>,
}

impl Anchor {
    /// The network has the columns that this program observes.
    pub fn new(network: &Network, resampler: &Resampler, options: &Options) -> Self {
        let watch = Arc::new(Watch::new(network.clone(), EVERY));
        let options = Options {
            policy: Learned::by("watched", Arc::clone(&watch) as _),
            ..options.clone()
        };
        for seed in 0..WATCHED {
            // What cannot be simulated is found by whoever asks what it is worth.
            let _ = simulate(&resampler.window(seed), &options);
        }
        let is_choice = |observation: &Observation| {
            let eligible = observation.eligible.iter().filter(|eligible| **eligible);
            eligible.count() > 1
        };
        let mut seen = watch.take();
        seen.retain(is_choice);
        let step = seen.len().div_ceil(MOST_DECISIONS).max(1);
        let decisions: Vec<Decision> = seen
            .into_iter()
            .step_by(step)
            .map(|observation| Decision {
                scores: scores(network, &observation),
                observation,
            })
            .collect();
        let spread = decisions.iter().map(|decision| deviation(&decision.scores));
        let temperature = spread.sum::<f64>() / decisions.len().max(1) as f64;
        Self {
            temperature: temperature.max(LEAST_TEMPERATURE),
            decisions,
        }
    }

    /// In nats; 0 for the first network itself, and where there was nothing to choose.
    pub fn drift(&self, network: &Network) -> f64 {
        let of = |decision: &Decision| {
            let before = log_softmax(&decision.scores, self.temperature);
            let after = log_softmax(&scores(network, &decision.observation), self.temperature);
            let pairs = before.iter().zip(after);
            pairs.map(|(p, q)| p.exp() * (p - q)).sum::<f64>()
        };
        let sum: f64 = self.decisions.iter().map(of).sum();
        (sum / self.decisions.len().max(1) as f64).max(0.0)
    }
}

fn scores(network: &Network, observation: &Observation) -> Vec<f64> {
    let mut scores = vec![0.0; observation.eligible.len()];
    network.score(&observation.window(), &mut Scratch::default(), &mut scores);
    let eligible = scores.iter().zip(&observation.eligible);
    let eligible = eligible.filter(|(_, eligible)| **eligible);
    eligible.map(|(score, _)| f64::from(*score)).collect()
}

fn deviation(values: &[f64]) -> f64 {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / count).sqrt()
}

fn log_softmax(scores: &[f64], temperature: f64) -> Vec<f64> {
    let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let scaled = scores.iter().map(|score| (score - highest) / temperature);
    let scaled: Vec<f64> = scaled.collect();
    let total = scaled.iter().map(|score| score.exp()).sum::<f64>().ln();
    scaled.into_iter().map(|score| score - total).collect()
}

#[cfg(test)]
mod tests {
    use drover_model::{dispatch::Mode, inference::Weights, observation::layout, policy};

    use super::*;
    use crate::serve::example;

    fn network(weights: &Weights) -> Network {
        Network::new(&weights.aligned(&layout()).unwrap())
    }

    #[test]
    fn drift_is_what_changes_choices() {
        let short = example::by_feature("log_estimate", -1.0);
        let resampler = Resampler::new(example::load(120)).unwrap();
        let options = Options::new(policy::find("fifo").unwrap(), Mode::Easy);
        let anchor = Anchor::new(&network(&short), &resampler, &options);
        assert!((10..=MOST_DECISIONS).contains(&anchor.decisions.len()));
        let drift = |weight| anchor.drift(&network(&example::by_feature("log_estimate", weight)));
        assert_eq!(drift(-1.0), 0.0);
        assert!(
            drift(-1.1) < 0.1 * drift(0.0),
            "{} {}",
            drift(-1.1),
            drift(0.0)
        );
        assert!(drift(0.0) < drift(1.0), "{} {}", drift(0.0), drift(1.0));
    }

    #[test]
    fn the_scale_of_weights_does_not_matter() {
        let resampler = Resampler::new(example::load(120)).unwrap();
        let options = Options::new(policy::find("fifo").unwrap(), Mode::Easy);
        let drift = |scale: f32| {
            let first = network(&example::by_feature("log_estimate", -scale));
            let other = network(&example::by_feature("log_estimate", scale));
            Anchor::new(&first, &resampler, &options).drift(&other)
        };
        assert!(drift(1.0) > 0.5, "{}", drift(1.0));
        assert!(
            (drift(1.0) - drift(64.0)).abs() < 1e-3,
            "{} {}",
            drift(1.0),
            drift(64.0)
        );
    }
}
