//! Deep Q-learning (Mnih et al., "Human-level control through deep reinforcement learning", Nature 2015) with double
//! estimation (van Hasselt et al., "Deep Reinforcement Learning with Double Q-learning", AAAI 2016) and value and
//! advantage apart (Wang et al., "Dueling Network Architectures", ICML 2016, equation 9). Scores are advantages, so that
//! the greedy policy is that of production.

mod replay;

use std::sync::Arc;

use drover_model::inference::{Network, Weights};
use drover_sim::random::{Purpose, Random};
use tch::{Device, Kind, Reduction, Tensor, no_grad};

use self::replay::{Experience, Replay};
use crate::{
    Actor, Batch, Checkpoint, End, Episode, LearnError, Model, Observation, Output, Plan, Record,
    Stage,
    act::Exploring,
    adam::Adam,
    batch::{chosen, column},
    record::Means,
    stage::same_layout,
};

const NAME: &str = "dqn";

/// Hyperparameters. The defaults are for rewards of about 1 a decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Episodes between which nothing is learned.
    pub episodes: usize,
    pub longest_episode: usize,
    /// Decisions that are remembered, N in the paper.
    pub replay: usize,
    /// Decisions that must be remembered before learning begins.
    pub learning_starts: usize,
    /// Decisions between two gradient steps.
    pub train_every: u64,
    /// Gradient steps between two copies to the target network, C in the paper.
    pub target_every: u64,
    pub minibatch: usize,
    /// Of Adam, in the first episode, and from episode `annealing_episodes` on.
    pub learning_rate: f64,
    pub last_learning_rate: f64,
    pub annealing_episodes: u64,
    pub gamma: f64,
    /// Share of random choices in the first episode, and from episode `exploration_episodes` on.
    pub first_epsilon: f64,
    pub last_epsilon: f64,
    pub exploration_episodes: u64,
    pub longest_gradient: f64,
    /// Rewards are multiplied by it, so that values stay near 1.
    pub reward_scale: f64,
    /// Places of the parameters that are learned of those that count for scores; the others stay as they are. Empty: all.
    pub learned: Vec<usize>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            episodes: 1,
            longest_episode: 4_096,
            replay: 20_000,
            learning_starts: 500,
            train_every: 4,
            target_every: 250,
            minibatch: 64,
            learning_rate: 1e-3,
            last_learning_rate: 1e-5,
            annealing_episodes: 1_000,
            gamma: 0.99,
            first_epsilon: 1.0,
            last_epsilon: 0.05,
            exploration_episodes: 100,
            longest_gradient: 10.0,
            reward_scale: 1.0,
            learned: Vec::new(),
        }
    }
}

/// A training under way. A checkpoint holds everything but what is remembered of decisions, which a resumed training
/// gathers anew.
#[derive(Debug)]
pub struct Dqn {
    settings: Settings,
    seed: u64,
    episode: u64,
    decisions: u64,
    gradient_steps: u64,
    model: Model,
    /// Q-hat in the paper.
    target: Weights,
    optimiser: Adam,
    replay: Replay,
}

impl Dqn {
    /// # Errors
    /// Weights without a value head.
    pub fn new(weights: &Weights, settings: Settings, seed: u64) -> Result<Self, LearnError> {
        let model = Model::new(weights, Device::cuda_if_available());
        let model = model.learning_only(&settings.learned);
        if !model.has_value_head() {
            return Err(LearnError::NoValueHead { learner: NAME });
        }
        Ok(Self {
            seed,
            episode: 0,
            decisions: 0,
            gradient_steps: 0,
            target: weights.clone(),
            optimiser: Adam::new(&model),
            replay: Replay::new(settings.replay),
            model,
            settings,
        })
    }

    /// # Errors
    /// A checkpoint of another learner or network.
    pub fn resume(checkpoint: Checkpoint, settings: Settings) -> Result<Self, LearnError> {
        let checkpoint = checkpoint.of(NAME)?;
        let mut dqn = Self::new(&checkpoint.weights, settings, checkpoint.seed)?;
        dqn.optimiser = Adam::from_state(&dqn.model, checkpoint.recall("adam")?)?;
        let target = checkpoint.recall("target")?;
        let target: Vec<f32> = target.iter().map(|value| *value as f32).collect();
        dqn.target = checkpoint.weights.clone().with_parameters(&target)?;
        let [decisions, gradient_steps] = checkpoint.recall("counts")? else {
            return Err(LearnError::Checkpoint(
                "its counts are incomplete".to_owned(),
            ));
        };
        dqn.episode = checkpoint.step;
        dqn.decisions = *decisions as u64;
        dqn.gradient_steps = *gradient_steps as u64;
        Ok(dqn)
    }

    /// # Errors
    /// A parameter that is not finite.
    pub fn checkpoint(&self) -> Result<Checkpoint, LearnError> {
        let target = self
            .target
            .parameters()
            .iter()
            .map(|value| f64::from(*value));
        let counts = vec![self.decisions as f64, self.gradient_steps as f64];
        Ok(Checkpoint {
            learner: NAME.to_owned(),
            seed: self.seed,
            step: self.episode,
            weights: self.weights()?,
            memory: [
                ("adam".to_owned(), self.optimiser.state()),
                ("target".to_owned(), target.collect()),
                ("counts".to_owned(), counts),
            ]
            .into(),
        })
    }

    /// # Errors
    /// A parameter that is not finite.
    pub fn weights(&self) -> Result<Weights, LearnError> {
        Ok(self.model.weights()?)
    }

    /// Episodes played so far.
    pub fn episodes(&self) -> u64 {
        self.episode
    }

    /// Plays some episodes and remembers them, then learns as often as decisions were made. Returns their mean reward.
    ///
    /// # Errors
    /// A stage of another layout, or without environments; divergence.
    pub fn update<S: Stage + ?Sized, R: Record>(
        &mut self,
        stage: &mut S,
        record: &mut R,
    ) -> Result<f64, LearnError> {
        let weights = self.weights()?;
        same_layout(stage, &weights)?;
        let mut random = Random::of(self.seed, Purpose::Episodes, [self.episode, 0, 0]);
        let plan = Plan {
            seeds: (0..self.settings.episodes).map(|_| random.draw()).collect(),
            longest: self.settings.longest_episode,
        };
        let epsilon = self.epsilon();
        let network = Arc::new(Network::new(&weights));
        let actor: Arc<dyn Actor> = Arc::new(Exploring { network, epsilon });
        let episodes = stage.play(&actor, &plan)?;
        let reward = episodes.iter().map(Episode::reward).sum::<f64>() / episodes.len() as f64;
        self.episode += episodes.len() as u64;
        let mut means = Means::default();
        for episode in episodes {
            for _ in 0..self.remember(episode) {
                means.add(self.learn()?);
            }
        }
        means.record(self.episode, record);
        let measured = [("episode/reward", reward), ("episode/epsilon", epsilon)];
        record.record(self.episode, &measured);
        Ok(reward)
    }

    /// Returns how many gradient steps these decisions are good for.
    fn remember(&mut self, episode: Episode) -> u64 {
        let is_done = episode.end == End::Done;
        let mut transitions = episode.transitions.into_iter().peekable();
        let mut next = transitions
            .peek()
            .map(|first| Arc::new(first.observation.clone()));
        let before = self.decisions;
        while let (Some(transition), Some(observation)) = (transitions.next(), next) {
            next = transitions
                .peek()
                .map(|next| Arc::new(next.observation.clone()));
            if next.is_none() && !is_done {
                // What came after it was not seen.
                break;
            }
            self.replay.remember(Experience {
                observation,
                choice: transition.choice.candidate,
                reward: self.settings.reward_scale * transition.reward,
                next: next.clone(),
            });
            self.decisions += 1;
        }
        let every = self.settings.train_every.max(1);
        match self.replay.len() >= self.settings.learning_starts.max(1) {
            true => self.decisions / every - before / every,
            false => 0,
        }
    }

    fn epsilon(&self) -> f64 {
        let Settings {
            first_epsilon,
            last_epsilon,
            exploration_episodes,
            ..
        } = self.settings;
        self.between(first_epsilon, last_epsilon, exploration_episodes)
    }

    fn learning_rate(&self) -> f64 {
        let Settings {
            learning_rate,
            last_learning_rate,
            annealing_episodes,
            ..
        } = self.settings;
        self.between(learning_rate, last_learning_rate, annealing_episodes)
    }

    /// On the straight line from the first episode to that many.
    fn between(&self, first: f64, last: f64, episodes: u64) -> f64 {
        let progress = (self.episode as f64 / episodes.max(1) as f64).min(1.0);
        first + (last - first) * progress
    }

    fn learn(&mut self) -> Result<[(&'static str, f64); 2], LearnError> {
        let names = [self.gradient_steps, 0, 0];
        let mut random = Random::of(self.seed, Purpose::Minibatches, names);
        let minibatch = self.replay.sample(self.settings.minibatch, &mut random);
        let target = no_grad(|| self.targets(&minibatch));
        let seen: Vec<&Observation> = minibatch.iter().map(|one| &*one.observation).collect();
        let batch = Batch::new(&seen, self.model.device());
        let q = q_values(&self.model.forward(&batch), &batch);
        let q = chosen(&q, minibatch.iter().map(|one| one.choice));
        let loss = q.huber_loss(&target, Reduction::Mean, 1.0);
        let (rate, longest) = (self.learning_rate(), self.settings.longest_gradient);
        self.optimiser
            .descend(&mut self.model, &loss, rate, longest)?;
        self.gradient_steps += 1;
        if self
            .gradient_steps
            .is_multiple_of(self.settings.target_every.max(1))
        {
            self.target = self.weights()?;
        }
        Ok([
            ("losses/q", loss.double_value(&[])),
            ("losses/mean_q", q.mean(Kind::Float).double_value(&[])),
        ])
    }

    /// y in the paper: the online network chooses, the target network says what that is worth.
    fn targets(&self, minibatch: &[&Experience]) -> Tensor {
        let device = self.model.device();
        // What follows an end counts for nothing, so any window will do.
        let next: Vec<&Observation> = minibatch
            .iter()
            .map(|one| &**one.next.as_ref().unwrap_or(&one.observation))
            .collect();
        let batch = Batch::new(&next, device);
        let best = self.model.forward(&batch).scores.argmax(-1, true);
        let target = Model::new(&self.target, device);
        let worth = q_values(&target.forward(&batch), &batch)
            .gather(1, &best, false)
            .squeeze_dim(1);
        let goes_on = column(
            minibatch
                .iter()
                .map(|one| f64::from(u8::from(one.next.is_some()))),
            device,
        );
        let rewards = column(minibatch.iter().map(|one| one.reward), device);
        rewards + worth * goes_on * self.settings.gamma
    }
}

/// Q = V + A - mean of A over what may be chosen.
fn q_values(output: &Output, batch: &Batch) -> Tensor {
    let counted = output.scores.masked_fill(&batch.open.logical_not(), 0.0);
    let dimensions = [-1_i64];
    let count = batch
        .open
        .sum_dim_intlist(dimensions.as_slice(), true, Kind::Float);
    let mean = counted.sum_dim_intlist(dimensions.as_slice(), true, Kind::Float);
    let advantage = &output.scores - mean / count.clamp_min(1.0);
    match &output.value {
        Some(value) => advantage + value.unsqueeze(1),
        None => advantage,
    }
}
