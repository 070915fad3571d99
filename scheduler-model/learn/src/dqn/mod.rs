//! Deep Q-learning (Mnih et al., "Human-level control through deep reinforcement learning", Nature 2015) with double
//! estimation (van Hasselt et al., "Deep Reinforcement Learning with Double Q-learning", AAAI 2016) and value and
//! advantage apart (Wang et al., "Dueling Network Architectures", ICML 2016, equation 9). Scores are advantages, so that
//! the greedy policy is that of production.

mod replay;

use drover_model::inference::{Network, Weights};
use drover_sim::random::{Purpose, Random};
use tch::{Device, Kind, Reduction, Tensor, no_grad};

use self::replay::{Experience, Replay};
use crate::{
    Actor, Batch, Checkpoint, Environment, Greedy, LearnError, Model, Observation, Output, Record,
    Step,
    act::Room,
    adam::Adam,
    batch::{chosen, column},
    initial::same_layout,
    record::Means,
};

const NAME: &str = "dqn";

/// Hyperparameters. The defaults are for rewards of about 1 a decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
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
}

impl Default for Settings {
    fn default() -> Self {
        Self {
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

    /// Plays an episode, and learns meanwhile. Returns its reward.
    ///
    /// # Errors
    /// An environment of another layout; divergence.
    pub fn episode<E: Environment, R: Record>(
        &mut self,
        environment: &mut E,
        record: &mut R,
    ) -> Result<f64, LearnError> {
        let weights = self.weights()?;
        same_layout(std::slice::from_ref(environment), &weights)?;
        let mut network = Network::new(&weights);
        let mut random = Random::of(self.seed, Purpose::Exploration, [self.episode, 0, 0]);
        let (mut room, mut observation) = (Room::default(), Observation::default());
        let (mut means, mut reward) = (Means::default(), 0.0);
        let epsilon = self.epsilon();
        environment.reset(random.draw(), &mut observation);
        for _ in 0..self.settings.longest_episode {
            let choice = match random.unit() < epsilon {
                true => any_eligible(&observation, &mut random),
                false => {
                    let greedy = Greedy(&network);
                    greedy
                        .choose(&observation, &mut room, &mut random)
                        .candidate
                }
            };
            let seen = observation.clone();
            let step = environment.step(choice, &mut observation);
            reward += step.reward;
            self.remember(seen, choice, step, &observation);
            if self.is_time_to_learn() {
                means.add(self.learn()?);
                network = Network::new(&self.weights()?);
            }
            if step.is_done {
                break;
            }
        }
        self.episode += 1;
        means.record(self.episode, record);
        let measured = [("episode/reward", reward), ("episode/epsilon", epsilon)];
        record.record(self.episode, &measured);
        Ok(reward)
    }

    fn remember(&mut self, seen: Observation, choice: usize, step: Step, next: &Observation) {
        self.replay.remember(Experience {
            observation: seen,
            choice,
            reward: self.settings.reward_scale * step.reward,
            next: (!step.is_done).then(|| next.clone()),
        });
        self.decisions += 1;
    }

    fn is_time_to_learn(&self) -> bool {
        self.decisions
            .is_multiple_of(self.settings.train_every.max(1))
            && self.replay.len() >= self.settings.learning_starts.max(1)
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
        let seen: Vec<&Observation> = minibatch.iter().map(|one| &one.observation).collect();
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
            .map(|one| one.next.as_ref().unwrap_or(&one.observation))
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

/// Q = V + A - mean of A over the eligible candidates.
fn q_values(output: &Output, batch: &Batch) -> Tensor {
    let counted = output
        .scores
        .masked_fill(&batch.eligible.logical_not(), 0.0);
    let count = batch
        .eligible
        .sum_dim_intlist([-1_i64].as_slice(), true, Kind::Float);
    let mean =
        counted.sum_dim_intlist([-1_i64].as_slice(), true, Kind::Float) / count.clamp_min(1.0);
    let advantage = &output.scores - mean;
    match &output.value {
        Some(value) => advantage + value.unsqueeze(1),
        None => advantage,
    }
}

fn any_eligible(observation: &Observation, random: &mut Random) -> usize {
    let places = 0..observation.eligible.len();
    let eligible: Vec<usize> = places
        .filter(|place| observation.eligible[*place])
        .collect();
    eligible
        .get(random.below(eligible.len() as u64) as usize)
        .copied()
        .unwrap_or(0)
}
