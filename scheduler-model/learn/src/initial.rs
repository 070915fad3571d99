//! What a training starts with.

use drover_model::inference::{Architecture, Layout, Normalisation, Weights};
use drover_sim::random::{Purpose, Random};

use crate::{Episode, LearnError};

/// Random weights of a network that has learned nothing: hidden layers as He et al. ("Delving Deep into Rectifiers", ICCV
/// 2015) draw them, what leads to scores and value zero, so that all candidates are equal to it.
///
/// # Errors
/// A malformed version; sizes out of bounds.
pub fn initial_weights(
    version: &str,
    architecture: Architecture,
    layout: Layout,
    seed: u64,
) -> Result<Weights, LearnError> {
    let zero = Weights::zero(version, architecture, layout)?;
    let mut random = Random::new(seed, Purpose::Weights);
    let mut parameters = Vec::new();
    for tensor in zero.tensors() {
        let is_hidden = tensor.shape.len() == 2;
        let deviation = (2.0 / tensor.shape[0] as f64).sqrt();
        let draw = |_| match is_hidden {
            true => (deviation * random.normal()) as f32,
            false => 0.0,
        };
        parameters.extend((0..tensor.size()).map(draw));
    }
    Ok(zero.with_parameters(&parameters)?)
}

/// The same network with scales that give every feature mean 0 and deviation 1 over these episodes. A feature that never
/// changes keeps the deviation 1. To be called before training: it changes what the network says.
///
/// # Errors
/// Features so large that their mean is not finite.
pub fn normalised(weights: Weights, episodes: &[Episode]) -> Result<Weights, LearnError> {
    let mut candidate = vec![Moments::default(); weights.layout().candidate().len()];
    let mut global = vec![Moments::default(); weights.layout().global().len()];
    for transition in episodes.iter().flat_map(|episode| &episode.transitions) {
        let observation = &transition.observation;
        let rows = observation.candidates.chunks_exact(candidate.len());
        for (row, _) in rows
            .zip(&observation.eligible)
            .filter(|(_, eligible)| **eligible)
        {
            Moments::add_all(&mut candidate, row);
        }
        Moments::add_all(&mut global, &observation.globals);
    }
    let scales = |moments: &[Moments]| moments.iter().map(Moments::scale).collect();
    Ok(weights.with_normalisation(scales(&candidate), scales(&global))?)
}

/// Of numbers that come one after the other (Welford, "Note on a Method for Calculating Corrected Sums of Squares and
/// Products", Technometrics 1962).
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn add_all(moments: &mut [Self], values: &[f32]) {
        for (moments, value) in moments.iter_mut().zip(values) {
            if value.is_finite() {
                moments.add(f64::from(*value));
            }
        }
    }

    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let distance = value - self.mean;
        self.mean += distance / self.count;
        self.squares += distance * (value - self.mean);
    }

    fn scale(&self) -> Normalisation {
        let deviation = (self.squares / self.count.max(1.0)).sqrt() as f32;
        let is_constant = deviation < Normalisation::LEAST_DEVIATION;
        Normalisation {
            mean: self.mean as f32,
            deviation: if is_constant { 1.0 } else { deviation },
        }
    }
}

#[cfg(test)]
mod tests {
    use drover_model::inference::{Form, Part};

    use super::*;
    use crate::{Choice, End, Observation, Transition};

    fn weights(seed: u64) -> Weights {
        let architecture = Architecture {
            form: Form::Pooled {
                embedding: 8,
                context: 4,
                scoring: 8,
            },
            value: Some(4),
        };
        let layout = Layout::new(["wait", "kind"], ["load"]).unwrap();
        initial_weights("first", architecture, layout, seed).unwrap()
    }

    #[test]
    fn scores_begin_at_zero_and_hidden_layers_do_not() {
        for tensor in weights(1).tensors() {
            let weights = weights(1);
            let values = weights.tensor(tensor.name).unwrap();
            let is_zero = values.iter().all(|value| *value == 0.0);
            assert_eq!(is_zero, tensor.shape.len() == 1, "{}", tensor.name);
            assert!(tensor.part == Part::Policy || tensor.name.starts_with("value"));
        }
        assert_eq!(weights(1), weights(1));
        assert_ne!(weights(1), weights(2));
    }

    #[test]
    fn scales_are_those_of_what_was_seen() {
        let observation = Observation {
            candidates: vec![1.0, 7.0, 3.0, 7.0, 1e9, f32::NAN],
            globals: vec![4.0],
            eligible: vec![true, true, false],
            closed: Vec::new(),
        };
        let choice = Choice {
            candidate: 0,
            log_probability: 0.0,
            value: 0.0,
        };
        let episode = Episode {
            transitions: vec![Transition {
                observation,
                choice,
                reward: 0.0,
            }],
            end: End::Done,
        };
        let scaled = normalised(weights(1), &[episode]).unwrap();
        let scale = |mean, deviation| Normalisation { mean, deviation };
        assert_eq!(
            scaled.candidate_normalisation(),
            [scale(2.0, 1.0), scale(7.0, 1.0)]
        );
        assert_eq!(scaled.global_normalisation(), [scale(4.0, 1.0)]);
    }
}
