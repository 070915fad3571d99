use std::sync::Arc;

use drover_model::{
    dispatch::Mode,
    inference::{Architecture, Network, Scorer, Weights, WeightsError},
    observation::layout,
    policy::Learned,
};
use drover_sim::simulate::simulate;

use super::Curriculum;
use crate::{
    Choice, End, Episode, LearnError, Observation, Transition, initial_weights, normalised,
    watch::Watch,
};

/// Weights of columns, as observed, that make a good rule; found by hand on the seeds from 5001 to 5008. It is the objective's
/// own index, with less slack first; graphs by work left, and within them by path. What fits nowhere yet is a little ahead of
/// what fits, and gets a reservation. Beside that others start as backfill has them while little waits, and hardly at all under
/// pressure. Where nodes are unlike, what fits comes first.
pub const STARTING_RULE: [(&str, f32); 11] = [
    ("index/short", 1.0),
    ("index/long", 0.3),
    ("log_slack", -0.8),
    ("graph/log_slack", 0.6),
    ("graph/log_work_left", -1.0),
    ("graph/log_path", 0.1),
    ("fits", -1.0),
    ("fits/unlike", 12.0),
    ("beside", 4.5),
    ("beside/pressure", -1.0),
    ("beside/log_overlap_after", -0.2),
];

/// Columns that are searched where nobody says: with more of them a search needs more generations than it gains.
pub const SEARCHED: [&str; 29] = [
    "index/short",
    "index/long",
    "log_work_left",
    "log_width",
    "log_slowdown_floor",
    "log_weight",
    "log_slack",
    "log_slowdown",
    "urgency",
    "late",
    "graph/log_path",
    "graph/log_work_left",
    "graph/log_area",
    "graph/log_slack",
    "pressure/index_short",
    "pressure/log_width",
    "pressure/log_slack",
    "unlike/log_width",
    "fits",
    "fits/pressure",
    "fits/unlike",
    "fits/log_width",
    "beside",
    "beside/pressure",
    "beside/load",
    "beside/unlike",
    "beside/log_overlap",
    "beside/log_overlap_after",
    "beside/log_area_by_kept",
];

/// Scales are found in so many windows of a curriculum, and in one observation of so many there.
const WINDOWS: u64 = 24;
const LOOKED_AT: usize = 50;

/// A network that ranks as that rule does, with scales as the first windows have them. What is hidden in it is random, by the
/// seed, and counts for nothing yet.
///
/// # Errors
/// A malformed version; sizes out of bounds.
pub fn starting_weights(
    version: &str,
    architecture: Architecture,
    rule: &[(String, f32)],
    curriculum: &Curriculum,
    seed: u64,
) -> Result<Weights, LearnError> {
    let untaught = initial_weights(version, architecture, layout(), seed)?;
    let plain = with_rule(&untaught, rule)?;
    let watch = Arc::new(Watch::new(Network::new(&plain), LOOKED_AT));
    for seed in 0..WINDOWS {
        let learned = Learned::by("watched", Arc::clone(&watch) as Arc<dyn Scorer>);
        let drawn = curriculum.draw(seed);
        let outcome = simulate(&drawn.trace, &drawn.options(learned, Mode::Easy));
        outcome.expect("traces make sense");
    }
    let episode = Episode {
        transitions: watch.take().into_iter().map(unrewarded).collect(),
        end: End::Done,
    };
    with_rule(&normalised(untaught, &[episode])?, rule)
}

/// Only what was observed counts for scales.
fn unrewarded(observation: Observation) -> Transition {
    Transition {
        observation,
        choice: Choice {
            candidate: 0,
            log_probability: 0.0,
            value: 0.0,
        },
        reward: 0.0,
    }
}

/// A weight counts for a deviation, so it is larger where that is.
fn with_rule(weights: &Weights, rule: &[(String, f32)]) -> Result<Weights, LearnError> {
    let mut parameters = weights.policy_parameters().to_vec();
    for (name, weight) in rule {
        let column = weights.layout().column(name);
        let column = column.ok_or_else(|| WeightsError::UnknownFeature(name.clone()))?;
        parameters[column] = weight * weights.candidate_normalisation()[column].deviation;
    }
    Ok(weights.clone().with_parameters(&parameters)?)
}
