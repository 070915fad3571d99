use drover_model::{
    inference::{Form, Network, Weights},
    observation::layout,
};

use super::RecentCost;
use crate::{
    LearnError,
    direct::{DirectSearch, Method, Settings},
    simulated::SEARCHED,
};

/// How much work a training may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TuneSettings {
    pub generations: u64,
    pub seed: u64,
    /// Simulations at once.
    pub threads: usize,
}

const POPULATION: usize = 12;
/// Of each generation.
const WINDOWS: usize = 8;
const VALIDATION_WINDOWS: usize = 24;
const VALIDATE_EVERY: u64 = 3;
/// Less than where a search begins without knowing anything.
const DEVIATION: f64 = 0.1;

/// What a training has found.
#[derive(Clone, Debug, PartialEq)]
pub struct Tuned {
    pub weights: Weights,
    /// Of the weights that it began with, on windows of the earlier slice.
    pub cost_before: f64,
    /// Of what it found, on the same.
    pub cost: f64,
    /// From the anchor, in nats.
    pub drift: f64,
}

/// Searches around those of `starts` that cost least under recent load. Equal seeds give equal weights.
///
/// All have the columns that this program observes; there is at least one. Of a linear network the columns are searched that
/// a training from nothing searches ([`SEARCHED`]), of others all parameters, without their covariances.
///
/// # Errors
/// Parameters that are not finite.
pub fn tune(
    starts: &[Weights],
    cost: &RecentCost,
    settings: TuneSettings,
) -> Result<Tuned, LearnError> {
    let mut begun = Vec::with_capacity(starts.len());
    for weights in starts {
        let search = DirectSearch::new(weights, search_settings(weights, settings), settings.seed)?;
        begun.push((search.validate(cost, weights), search));
    }
    let cheapest = begun
        .into_iter()
        .min_by(|one, other| one.0.total_cmp(&other.0));
    let (cost_before, mut search) = cheapest.ok_or(LearnError::NoEnvironment)?;
    for _ in 0..settings.generations {
        search.generation(cost, &mut ())?;
    }
    Ok(Tuned {
        weights: search.weights().clone(),
        cost_before,
        cost: search.best_cost().unwrap_or(cost_before),
        drift: cost.anchor().drift(&Network::new(search.weights())),
    })
}

fn search_settings(weights: &Weights, settings: TuneSettings) -> Settings {
    let observed = layout();
    let (method, searched) = match weights.architecture().form {
        Form::Linear => {
            let places = SEARCHED.iter().filter_map(|name| observed.column(name));
            (Method::Covariance, places.collect())
        }
        Form::Pooled { .. } => (Method::Diagonal, Vec::new()),
    };
    Settings {
        method,
        population: POPULATION,
        windows: WINDOWS,
        searched,
        deviation: DEVIATION,
        validation_windows: VALIDATION_WINDOWS,
        validate_every: VALIDATE_EVERY.min(settings.generations.max(1)),
        threads: settings.threads,
    }
}

#[cfg(test)]
mod tests {
    use drover_model::{
        dispatch::Mode,
        policy::{self, shipped_weights},
    };
    use drover_sim::simulate::Options;

    use super::*;
    use crate::serve::{Anchor, Resampler, example};

    const SETTINGS: TuneSettings = TuneSettings {
        generations: 1,
        seed: 3,
        threads: 2,
    };

    fn aligned(weights: &Weights) -> Weights {
        weights.aligned(&layout()).unwrap()
    }

    fn cost(anchored_to: &Weights) -> RecentCost {
        let resampler = Resampler::new(example::load(40)).unwrap();
        let options = Options::new(policy::find("fifo").unwrap(), Mode::Easy);
        let anchor = Anchor::new(&Network::new(anchored_to), &resampler, &options);
        RecentCost::new(resampler, options, anchor)
    }

    #[test]
    fn it_begins_at_the_best_and_repeats_with_its_seed() {
        let long_first = aligned(&example::by_feature("log_estimate", 1.0));
        let starts = [long_first.clone(), aligned(&shipped_weights())];
        let cost = cost(&long_first);
        let tuned = tune(&starts, &cost, SETTINGS).unwrap();
        assert_eq!(tuned.weights.version(), starts[1].version());
        assert!(tuned.cost_before < 0.0, "fifo is worse: {tuned:?}");
        assert!(tuned.cost <= tuned.cost_before, "{tuned:?}");
        assert!(tuned.drift > 0.1, "{tuned:?}");
        assert_eq!(tune(&starts, &cost, SETTINGS).unwrap(), tuned);
        let other = TuneSettings {
            seed: 4,
            ..SETTINGS
        };
        assert_ne!(tune(&starts, &cost, other).unwrap().cost, tuned.cost);
    }

    #[test]
    fn without_generations_it_is_where_it_began() {
        let weights = aligned(&shipped_weights());
        let settings = TuneSettings {
            generations: 0,
            ..SETTINGS
        };
        let tuned = tune(std::slice::from_ref(&weights), &cost(&weights), settings).unwrap();
        assert_eq!(tuned.weights, weights);
        assert_eq!((tuned.cost, tuned.drift), (tuned.cost_before, 0.0));
    }
}
