//! Imitation of a rule: cross-entropy to what it chooses, also in windows into which the learner's own choices lead (Ross
//! et al., "A Reduction of Imitation Learning and Structured Prediction to No-Regret Online Learning", AISTATS 2011).

use std::sync::Arc;

use drover_model::inference::{Network, Weights};
use drover_sim::random::{Purpose, Random};
use tch::{Device, Kind};

use crate::{
    Actor, Batch, Episode, Following, LearnError, Model, Observation, Plan, Record, Sampling,
    Stage, adam::Adam, batch::chosen, random::shuffled, record::Means, stage::same_layout,
};

#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// In the first the rule plays, in the others the learner does. All windows seen so far are learned from.
    pub rounds: usize,
    /// Episodes of a round.
    pub episodes: usize,
    pub longest_episode: usize,
    /// Passes over all windows in a round.
    pub epochs: usize,
    pub minibatch: usize,
    pub learning_rate: f64,
    pub longest_gradient: f64,
    /// Places of the parameters that are learned of those that count for scores; the others stay as they are. Empty: all.
    pub learned: Vec<usize>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rounds: 3,
            episodes: 8,
            longest_episode: 1_024,
            epochs: 4,
            minibatch: 256,
            learning_rate: 3e-3,
            longest_gradient: 1.0,
            learned: Vec::new(),
        }
    }
}

/// Weights that choose what the rule chooses, as far as they can. The value head stays as it is.
///
/// # Errors
/// Environments of another layout, or none; divergence.
pub fn imitate<S, F, R>(
    weights: &Weights,
    stage: &mut S,
    rule: F,
    settings: &Settings,
    seed: u64,
    record: &mut R,
) -> Result<Weights, LearnError>
where
    S: Stage + ?Sized,
    F: Fn(&Observation) -> usize + Send + Sync + Clone + 'static,
    R: Record,
{
    same_layout(stage, weights)?;
    let mut model =
        Model::new(weights, Device::cuda_if_available()).learning_only(&settings.learned);
    let mut optimiser = Adam::new(&model);
    let mut seen: Vec<(Observation, usize)> = Vec::new();
    for round in 0..settings.rounds {
        let names = [round as u64, 0, 0];
        let mut random = Random::of(seed, Purpose::Episodes, names);
        let plan = Plan {
            seeds: (0..settings.episodes).map(|_| random.draw()).collect(),
            longest: settings.longest_episode,
        };
        let actor: Arc<dyn Actor> = match round {
            0 => Arc::new(Following(rule.clone())),
            _ => Arc::new(Sampling(Arc::new(Network::new(&model.weights()?)))),
        };
        let episodes = stage.play(&actor, &plan)?;
        seen.extend(labelled(episodes, &rule));
        let mut random = Random::of(seed, Purpose::Minibatches, names);
        let mut means = Means::default();
        for _ in 0..settings.epochs {
            let order = shuffled(seen.len(), &mut random);
            for minibatch in order.chunks(settings.minibatch) {
                let minibatch: Vec<_> = minibatch.iter().map(|place| &seen[*place]).collect();
                means.add(learn(&mut model, &mut optimiser, &minibatch, settings)?);
            }
        }
        means.record(round as u64 + 1, record);
    }
    Ok(model.weights()?)
}

fn labelled<F>(episodes: Vec<Episode>, rule: &F) -> impl Iterator<Item = (Observation, usize)>
where
    F: Fn(&Observation) -> usize,
{
    let transitions = episodes.into_iter().flat_map(|episode| episode.transitions);
    transitions.map(|transition| {
        let choice = rule(&transition.observation);
        (transition.observation, choice)
    })
}

fn learn(
    model: &mut Model,
    optimiser: &mut Adam,
    minibatch: &[&(Observation, usize)],
    settings: &Settings,
) -> Result<[(&'static str, f64); 2], LearnError> {
    let observations: Vec<&Observation> = minibatch.iter().map(|(seen, _)| seen).collect();
    let scores = model
        .forward(&Batch::new(&observations, model.device()))
        .scores;
    let choices = || minibatch.iter().map(|(_, choice)| *choice);
    let log_probabilities = scores.log_softmax(-1, Kind::Float);
    let loss = -chosen(&log_probabilities, choices()).mean(Kind::Float);
    optimiser.descend(
        model,
        &loss,
        settings.learning_rate,
        settings.longest_gradient,
    )?;
    let found = Vec::<i64>::try_from(scores.argmax(-1, false)).unwrap_or_default();
    let agreed = found
        .iter()
        .zip(choices())
        .filter(|(found, choice)| **found == *choice as i64);
    Ok([
        ("imitation/cross_entropy", loss.double_value(&[])),
        (
            "imitation/agreement",
            agreed.count() as f64 / minibatch.len() as f64,
        ),
    ])
}
