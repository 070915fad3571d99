use clap::Args;
use drover_model::{inference::Weights, observation::WINDOW};

use super::{TrainArgs, at_least_1, training::Training};
use crate::{
    Checkpoint, LearnError, Record,
    best::Best,
    command::CommandError,
    dqn::{self, Dqn},
    ppo::{self, Ppo},
    simulated::{Curriculum, SimulatedCost, SimulatedStage},
};

#[derive(Debug, Args)]
#[command(next_help_heading = "PPO and DQN")]
pub(super) struct GradientArgs {
    /// Simulated windows that are played in all
    #[arg(long, value_name = "NUMBER", default_value_t = 1_600, value_parser = at_least_1())]
    episodes: u64,
    /// Candidates that are chosen from; those after them come in the order of the index
    #[arg(long, value_name = "NUMBER", default_value_t = WINDOW as u64, value_parser = clap::value_parser!(u64).range(2..=WINDOW as u64))]
    window_size: u64,
    /// Discount of what follows, for each decision
    #[arg(long, value_name = "SHARE", default_value_t = 0.998)]
    gamma: f64,
    /// Learning rate of Adam
    #[arg(long, value_name = "RATE", default_value_t = 1e-2)]
    lr: f64,
}

/// Rewards add up to tens over an episode.
const REWARD_SCALE: f64 = 0.1;

/// A learner by gradient, and the best that it has found.
pub(in crate::command) struct Gradient {
    learner: Learner,
    stage: SimulatedStage,
    best: Best,
    validate_every: u64,
    length: u64,
}

enum Learner {
    Ppo(Ppo),
    Dqn(Dqn),
}

impl TrainArgs {
    /// Of each update.
    pub(in crate::command) const EPISODES: u64 = 16;

    pub(super) fn ppo(
        &self,
        weights: &Weights,
        curriculum: &Curriculum,
        checkpoint: Option<&Checkpoint>,
    ) -> Result<Training, CommandError> {
        let settings = ppo::Settings {
            episodes: Self::EPISODES as usize,
            learning_rate: self.gradient.lr,
            last_update: Some(self.gradient.updates()),
            gamma: self.gradient.gamma,
            entropy_weight: 1e-3,
            reward_scale: REWARD_SCALE,
            learned: self.start.learned(weights),
            ..ppo::Settings::default()
        };
        let learner = match checkpoint {
            Some(checkpoint) => Ppo::resume(checkpoint.clone(), weights.clone(), settings)?,
            None => Ppo::new(weights, settings, self.seed)?,
        };
        self.by_gradient(Learner::Ppo(learner), curriculum, checkpoint)
    }

    pub(super) fn dqn(
        &self,
        weights: &Weights,
        curriculum: &Curriculum,
        checkpoint: Option<&Checkpoint>,
    ) -> Result<Training, CommandError> {
        let settings = dqn::Settings {
            episodes: Self::EPISODES as usize,
            train_every: 16,
            learning_rate: self.gradient.lr,
            last_learning_rate: self.gradient.lr / 10.0,
            annealing_episodes: self.gradient.episodes,
            gamma: self.gradient.gamma,
            first_epsilon: 0.1,
            last_epsilon: 0.01,
            exploration_episodes: self.gradient.episodes / 2,
            reward_scale: REWARD_SCALE,
            learned: self.start.learned(weights),
            ..dqn::Settings::default()
        };
        let learner = match checkpoint {
            Some(checkpoint) => Dqn::resume(checkpoint.clone(), settings)?,
            None => Dqn::new(weights, settings, self.seed)?,
        };
        self.by_gradient(Learner::Dqn(learner), curriculum, checkpoint)
    }

    fn by_gradient(
        &self,
        learner: Learner,
        curriculum: &Curriculum,
        checkpoint: Option<&Checkpoint>,
    ) -> Result<Training, CommandError> {
        let seed = checkpoint.map_or(self.seed, |it| it.seed);
        let (windows, threads) = (self.validation_windows as usize, self.threads as usize);
        let mut best = Best::new(&learner.weights()?, seed, windows, threads);
        if let Some(checkpoint) = checkpoint {
            best.read(checkpoint)?;
        }
        Ok(Training::Gradient(Box::new(Gradient {
            learner,
            stage: self.stage(curriculum.clone()),
            best,
            validate_every: self.validate_every,
            length: self.gradient.updates(),
        })))
    }

    pub(super) fn stage(&self, curriculum: Curriculum) -> SimulatedStage {
        SimulatedStage {
            curriculum,
            window_size: self.gradient.window_size as usize,
            threads: self.threads as usize,
        }
    }
}

impl GradientArgs {
    fn updates(&self) -> u64 {
        self.episodes.div_ceil(TrainArgs::EPISODES)
    }
}

impl Learner {
    fn updates(&self) -> u64 {
        match self {
            Self::Ppo(ppo) => ppo.updates(),
            Self::Dqn(dqn) => dqn.episodes() / TrainArgs::EPISODES,
        }
    }

    fn weights(&self) -> Result<Weights, LearnError> {
        match self {
            Self::Ppo(ppo) => ppo.weights(),
            Self::Dqn(dqn) => dqn.weights(),
        }
    }
}

impl Gradient {
    pub(super) fn updates(&self) -> u64 {
        self.learner.updates()
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn best(&self) -> &Best {
        &self.best
    }

    /// Returns the mean reward of its episodes.
    pub(super) fn step<R: Record>(
        &mut self,
        cost: &SimulatedCost,
        record: &mut R,
    ) -> Result<f64, LearnError> {
        if self.best.cost().is_none() {
            self.validate(cost, record)?;
        }
        let reward = match &mut self.learner {
            Learner::Ppo(ppo) => ppo.update(&mut self.stage, record)?,
            Learner::Dqn(dqn) => dqn.update(&mut self.stage, record)?,
        };
        let is_due = self.updates().is_multiple_of(self.validate_every);
        if is_due || self.updates() == self.length {
            self.validate(cost, record)?;
        }
        Ok(reward)
    }

    fn validate<R: Record>(
        &mut self,
        cost: &SimulatedCost,
        record: &mut R,
    ) -> Result<(), LearnError> {
        let weights = self.learner.weights()?;
        self.best.consider(weights, cost, self.updates(), record);
        Ok(())
    }

    pub(super) fn checkpoint(&self) -> Result<Checkpoint, LearnError> {
        let mut checkpoint = match &self.learner {
            Learner::Ppo(ppo) => ppo.checkpoint()?,
            Learner::Dqn(dqn) => dqn.checkpoint()?,
        };
        self.best.write(&mut checkpoint);
        Ok(checkpoint)
    }
}
