use std::sync::Arc;

use drover_model::inference::{Network, Scratch, best};
use drover_sim::random::Random;

use crate::Observation;

/// Decides in a roll-out.
pub trait Actor: Send + Sync {
    /// `random` belongs to the episode.
    fn choose(&self, observation: &Observation, room: &mut Room, random: &mut Random) -> Choice;
}

/// Buffers of one roll-out.
#[derive(Debug, Default)]
pub struct Room {
    scratch: Scratch,
    scores: Vec<f32>,
}

/// A candidate, and what a learner wants to know about the choice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    pub candidate: usize,
    /// Natural logarithm of the probability with which it was chosen.
    pub log_probability: f64,
    /// What the value head expects of the window; 0 without one.
    pub value: f64,
}

/// Explores: candidates are drawn with the softmax of their scores.
#[derive(Clone, Debug)]
pub struct Sampling(pub Arc<Network>);

impl Actor for Sampling {
    fn choose(&self, observation: &Observation, room: &mut Room, random: &mut Random) -> Choice {
        let value = room.evaluate(&self.0, observation);
        let highest = best(&room.scores).map_or(0.0, |best| f64::from(room.scores[best]));
        let weight = |score: &f32| match (f64::from(*score) - highest).exp() {
            weight if weight.is_finite() => weight,
            _ => 0.0,
        };
        let total: f64 = room.scores.iter().map(weight).sum();
        let mut left = random.unit() * total;
        let mut candidate = best(&room.scores).unwrap_or(0);
        for (place, score) in room.scores.iter().enumerate() {
            left -= weight(score);
            if left < 0.0 {
                candidate = place;
                break;
            }
        }
        let score = f64::from(room.scores[candidate]);
        Choice {
            candidate,
            log_probability: score - highest - total.ln(),
            value,
        }
    }
}

/// Takes the candidate with the highest score, as production does.
#[derive(Clone, Debug)]
pub struct Greedy(pub Arc<Network>);

impl Actor for Greedy {
    fn choose(&self, observation: &Observation, room: &mut Room, _: &mut Random) -> Choice {
        let value = room.evaluate(&self.0, observation);
        Choice {
            candidate: best(&room.scores).unwrap_or(0),
            log_probability: 0.0,
            value,
        }
    }
}

/// Takes any candidate with the probability `epsilon`, else the one with the highest score.
#[derive(Clone, Debug)]
pub(crate) struct Exploring {
    pub(crate) network: Arc<Network>,
    pub(crate) epsilon: f64,
}

impl Actor for Exploring {
    fn choose(&self, observation: &Observation, room: &mut Room, random: &mut Random) -> Choice {
        let mut choice = Greedy(Arc::clone(&self.network)).choose(observation, room, random);
        if random.unit() < self.epsilon {
            choice.candidate = any(&observation.open(), random);
        }
        choice
    }
}

fn any(open: &[bool], random: &mut Random) -> usize {
    let places = (0..open.len()).filter(|place| open[*place]);
    let places: Vec<usize> = places.collect();
    let drawn = random.below(places.len() as u64) as usize;
    places.get(drawn).copied().unwrap_or(0)
}

/// Does what a rule says.
#[derive(Clone, Copy, Debug)]
pub struct Following<F>(pub F);

impl<F: Fn(&Observation) -> usize + Send + Sync> Actor for Following<F> {
    fn choose(&self, observation: &Observation, _: &mut Room, _: &mut Random) -> Choice {
        Choice {
            candidate: self.0(observation),
            log_probability: 0.0,
            value: 0.0,
        }
    }
}

/// A rule whose order is a feature: takes the open candidate with the lowest value in that column, of equals the first.
pub fn lowest(column: usize) -> impl Fn(&Observation) -> usize + Send + Sync + Copy {
    move |observation| {
        let columns = observation.candidates.len() / observation.eligible.len().max(1);
        let value = |candidate: &usize| observation.candidates[candidate * columns + column];
        let open = observation.open();
        (0..open.len())
            .filter(|candidate| open[*candidate])
            .min_by(|left, right| value(left).total_cmp(&value(right)))
            .unwrap_or(0)
    }
}

/// What a network would take.
pub fn highest(network: Arc<Network>) -> impl Fn(&Observation) -> usize + Send + Sync + Clone {
    move |observation| {
        let mut room = Room::default();
        room.evaluate(&network, observation);
        best(&room.scores).unwrap_or(0)
    }
}

impl Room {
    fn evaluate(&mut self, network: &Network, observation: &Observation) -> f64 {
        self.scores.resize(observation.eligible.len(), 0.0);
        let window = observation.window();
        let value = network.evaluate(&window, &mut self.scratch, &mut self.scores);
        for place in &observation.closed {
            self.scores[*place] = f32::NEG_INFINITY;
        }
        value.map_or(0.0, f64::from)
    }
}
