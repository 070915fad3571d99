//! Direct search: parameters are drawn around a centre, each is tried on the objective itself, and the centre moves to
//! the better ones. It needs no reward for single decisions, and no gradient.
//!
//! All that are compared meet the same windows (common random numbers): what differs between them is not luck. What
//! counts in the end is the centre that did best on windows kept apart for validation.

mod costs;
mod covariance;
mod episode;
mod evolution;
mod strategy;

use drover_model::inference::{Network, Weights};
use drover_sim::random::{Purpose, Random};

pub(crate) use self::costs::{costs, validation_windows};
pub use self::episode::LostReward;
use self::strategy::Strategy;
use crate::{Checkpoint, LearnError, Record};

const NAME: &str = "direct";

/// What is to be made small.
pub trait Objective: Sync {
    /// The cost of one window, which follows from the seed. What is not finite counts as the worst.
    fn cost(&self, network: &Network, seed: u64) -> f64;
}

impl<F: Fn(&Network, u64) -> f64 + Sync> Objective for F {
    fn cost(&self, network: &Network, seed: u64) -> f64 {
        self(network, seed)
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    /// CMA-ES: learns how parameters depend on each other. For up to some hundred of them.
    Covariance,
    /// The same with the diagonal only, for more.
    Diagonal,
    /// Evolution strategies with mirrored sampling and Adam, for very many.
    Evolution { learning_rate: f64 },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub method: Method,
    /// Parameter vectors of a generation.
    pub population: usize,
    /// Windows that each of them meets. Fresh ones in each generation.
    pub windows: usize,
    /// Places of the parameters that are searched; the others stay as they are. Empty: all that count for scores.
    pub searched: Vec<usize>,
    /// Standard deviation around the centre, of which search begins.
    pub deviation: f64,
    /// Windows on which centres are compared, always the same.
    pub validation_windows: usize,
    /// Generations between two validations.
    pub validate_every: u64,
    pub threads: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            method: Method::Covariance,
            population: 16,
            windows: 32,
            searched: Vec::new(),
            deviation: 0.3,
            validation_windows: 64,
            validate_every: 5,
            threads: 2,
        }
    }
}

/// A search under way.
#[derive(Debug)]
pub struct DirectSearch {
    settings: Settings,
    seed: u64,
    generation: u64,
    strategy: Strategy,
    best: Weights,
    /// Of `best` on the validation windows, once it is known.
    best_cost: Option<f64>,
}

impl DirectSearch {
    /// Begins at these weights. Only what counts for scores is searched.
    ///
    /// # Errors
    /// A setting out of range.
    pub fn new(weights: &Weights, settings: Settings, seed: u64) -> Result<Self, LearnError> {
        let least = [
            ("population", settings.population, 4),
            ("windows", settings.windows, 1),
            ("validation_windows", settings.validation_windows, 1),
            ("validate_every", settings.validate_every as usize, 1),
            ("threads", settings.threads, 1),
        ];
        if let Some((setting, found, _)) = least.into_iter().find(|(_, found, least)| found < least)
        {
            return Err(LearnError::Setting {
                setting,
                found: found as f64,
                expected: "at least 1, a population at least 4",
            });
        }
        let parameters = weights.policy_parameters();
        let mut settings = settings;
        if settings.searched.is_empty() {
            settings.searched = (0..parameters.len()).collect();
        }
        let centre = settings.searched.iter();
        let centre = centre.map(|place| f64::from(parameters[*place]));
        Ok(Self {
            strategy: Strategy::new(centre.collect(), &settings),
            seed,
            generation: 0,
            best: weights.clone(),
            best_cost: None,
            settings,
        })
    }

    /// # Errors
    /// A checkpoint of another learner, network or method.
    pub fn resume(checkpoint: Checkpoint, settings: Settings) -> Result<Self, LearnError> {
        let checkpoint = checkpoint.of(NAME)?;
        let mut search = Self::new(&checkpoint.weights, settings, checkpoint.seed)?;
        search.strategy.restore(checkpoint.recall("strategy")?)?;
        search.best_cost = checkpoint.recall("best_cost")?.first().copied();
        search.generation = checkpoint.step;
        Ok(search)
    }

    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            learner: NAME.to_owned(),
            seed: self.seed,
            step: self.generation,
            weights: self.best.clone(),
            memory: [
                ("strategy".to_owned(), self.strategy.state()),
                ("best_cost".to_owned(), Vec::from_iter(self.best_cost)),
            ]
            .into(),
        }
    }

    /// Made so far.
    pub fn generations(&self) -> u64 {
        self.generation
    }

    /// The best on the validation windows so far. Before the first validation that is where the search began.
    pub fn weights(&self) -> &Weights {
        &self.best
    }

    /// Its mean cost there.
    pub fn best_cost(&self) -> Option<f64> {
        self.best_cost
    }

    /// Makes a generation, and returns its mean cost.
    ///
    /// # Errors
    /// Parameters that are not finite.
    pub fn generation<O: Objective, R: Record>(
        &mut self,
        objective: &O,
        record: &mut R,
    ) -> Result<f64, LearnError> {
        if self.best_cost.is_none() {
            let best = self.best.clone();
            self.best_cost = Some(self.validate(objective, &best));
        }
        let mut random = Random::of(self.seed, Purpose::Search, [self.generation, 0, 0]);
        let population = self.strategy.draw(self.settings.population, &mut random);
        let mut random = Random::of(self.seed, Purpose::Episodes, [self.generation, 0, 0]);
        let windows: Vec<u64> = (0..self.settings.windows).map(|_| random.draw()).collect();
        let networks = population
            .iter()
            .map(|parameters| Ok(Network::new(&self.with(parameters)?)));
        let networks: Vec<Network> = networks.collect::<Result<_, LearnError>>()?;
        let costs = costs(objective, &networks, &windows, self.settings.threads);
        self.strategy.learn(&population, &costs);
        self.generation += 1;
        let mean = costs.iter().sum::<f64>() / costs.len() as f64;
        record.record(
            self.generation,
            &[
                ("search/mean_cost", mean),
                (
                    "search/lowest_cost",
                    costs.iter().copied().fold(mean, f64::min),
                ),
                ("search/deviation", self.strategy.deviation()),
            ],
        );
        if self.generation.is_multiple_of(self.settings.validate_every) {
            let cost = self.judge_centre(objective)?;
            record.record(self.generation, &[("validation/cost", cost)]);
        }
        Ok(mean)
    }

    /// Keeps the centre if it is the best so far.
    fn judge_centre<O: Objective>(&mut self, objective: &O) -> Result<f64, LearnError> {
        let centre = self.with(self.strategy.centre())?;
        let cost = self.validate(objective, &centre);
        if self.best_cost.is_none_or(|best| cost < best) {
            (self.best, self.best_cost) = (centre, Some(cost));
        }
        Ok(cost)
    }

    fn with(&self, parameters: &[f64]) -> Result<Weights, LearnError> {
        let mut all = self.best.policy_parameters().to_vec();
        for (place, value) in self.settings.searched.iter().zip(parameters) {
            all[*place] = *value as f32;
        }
        Ok(self.best.clone().with_parameters(&all)?)
    }

    /// The mean cost of any weights on the validation windows.
    pub fn validate<O: Objective>(&self, objective: &O, weights: &Weights) -> f64 {
        let windows = validation_windows(self.seed, self.settings.validation_windows);
        costs(
            objective,
            &[Network::new(weights)],
            &windows,
            self.settings.threads,
        )[0]
    }
}
