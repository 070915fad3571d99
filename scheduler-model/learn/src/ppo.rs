//! Proximal policy optimisation (Schulman et al., "Proximal Policy Optimization Algorithms", 2017), with the names of the
//! paper. Advantages are normalised in each minibatch, and an update ends early when the policy has moved far enough,
//! as in CleanRL's `ppo.py`.

use std::sync::Arc;

use drover_model::inference::{Network, Weights};
use drover_sim::random::{Purpose, Random};
use tch::{Device, Kind, Tensor, no_grad};

use crate::{
    Actor, Batch, Checkpoint, Episode, LearnError, Model, Observation, Plan, Record, Sampling,
    Stage, Transition,
    adam::Adam,
    advantage::estimate,
    batch::{chosen, column},
    random::shuffled,
    record::Means,
    stage::same_layout,
};

const NAME: &str = "ppo";

/// Hyperparameters. The defaults are for rewards of about 1 a decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Episodes of an update.
    pub episodes: usize,
    /// Decisions after which an episode is cut off.
    pub longest_episode: usize,
    /// So many decisions of an update are learned from at most, drawn at random; the others count for advantages.
    pub most_samples: usize,
    /// Passes over the decisions of an update, K in the paper.
    pub epochs: usize,
    /// Decisions of a minibatch, M in the paper.
    pub minibatch: usize,
    /// In the first update. It falls to 0 on a straight line if there is a last one.
    pub learning_rate: f64,
    pub last_update: Option<u64>,
    /// Discount of rewards for each decision.
    pub gamma: f64,
    /// Between one-step advantages (0) and discounted rewards (1).
    pub lambda: f64,
    /// How far a probability may move in an update before its gain is no longer counted, epsilon in the paper.
    pub clip: f64,
    /// Weight of the value's error, c1 in the paper.
    pub value_weight: f64,
    /// Weight of the entropy, c2 in the paper.
    pub entropy_weight: f64,
    /// An update ends when the policy has moved by so much (approximate Kullback-Leibler divergence).
    pub target_kl: f64,
    /// Longer gradients are cut.
    pub longest_gradient: f64,
    /// Rewards are multiplied by it, so that values stay near 1.
    pub reward_scale: f64,
    /// Weight of the divergence from the policy that training began with, which holds it near an incumbent.
    pub anchor_weight: f64,
    /// Places of the parameters that are learned of those that count for scores; the others stay as they are. Empty: all.
    pub learned: Vec<usize>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            episodes: 16,
            longest_episode: 4_096,
            most_samples: 4_096,
            epochs: 4,
            minibatch: 256,
            learning_rate: 1e-3,
            last_update: None,
            gamma: 0.998,
            lambda: 0.97,
            clip: 0.2,
            value_weight: 0.5,
            entropy_weight: 0.01,
            target_kl: 0.03,
            longest_gradient: 0.5,
            reward_scale: 1.0,
            anchor_weight: 0.0,
            learned: Vec::new(),
        }
    }
}

/// A training under way.
#[derive(Debug)]
pub struct Ppo {
    settings: Settings,
    seed: u64,
    /// Updates made.
    update: u64,
    model: Model,
    optimiser: Adam,
    /// What training began with.
    anchor: Weights,
}

/// A decision with all that the loss needs.
struct Sample<'a> {
    transition: &'a Transition,
    advantage: f64,
    return_: f64,
}

/// Of one minibatch.
struct Losses {
    total: Tensor,
    policy: f64,
    value: f64,
    entropy: f64,
    approximate_kl: f64,
    clipped: f64,
}

impl Ppo {
    /// # Errors
    /// Weights without a value head; a setting out of range.
    pub fn new(weights: &Weights, settings: Settings, seed: u64) -> Result<Self, LearnError> {
        settings.check()?;
        let model = Model::new(weights, Device::cuda_if_available());
        let model = model.learning_only(&settings.learned);
        if !model.has_value_head() {
            return Err(LearnError::NoValueHead { learner: NAME });
        }
        let optimiser = Adam::new(&model);
        Ok(Self {
            settings,
            seed,
            update: 0,
            model,
            optimiser,
            anchor: weights.clone(),
        })
    }

    /// Goes on where the checkpoint was made. `anchor` are the weights that training began with.
    ///
    /// # Errors
    /// A checkpoint of another learner or network; a setting out of range.
    pub fn resume(
        checkpoint: Checkpoint,
        anchor: Weights,
        settings: Settings,
    ) -> Result<Self, LearnError> {
        let checkpoint = checkpoint.of(NAME)?;
        let mut ppo = Self::new(&checkpoint.weights, settings, checkpoint.seed)?;
        ppo.optimiser = Adam::from_state(&ppo.model, checkpoint.recall("adam")?)?;
        ppo.update = checkpoint.step;
        ppo.anchor = anchor;
        Ok(ppo)
    }

    /// # Errors
    /// A parameter that is not finite.
    pub fn checkpoint(&self) -> Result<Checkpoint, LearnError> {
        Ok(Checkpoint {
            learner: NAME.to_owned(),
            seed: self.seed,
            step: self.update,
            weights: self.weights()?,
            memory: [("adam".to_owned(), self.optimiser.state())].into(),
        })
    }

    /// # Errors
    /// A parameter that is not finite.
    pub fn weights(&self) -> Result<Weights, LearnError> {
        Ok(self.model.weights()?)
    }

    /// Made so far.
    pub fn updates(&self) -> u64 {
        self.update
    }

    /// Plays episodes with the policy of now, and learns from them. Returns their mean reward.
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
        let mut random = Random::of(self.seed, Purpose::Episodes, [self.update, 0, 0]);
        let plan = Plan {
            seeds: (0..self.settings.episodes).map(|_| random.draw()).collect(),
            longest: self.settings.longest_episode,
        };
        let actor: Arc<dyn Actor> = Arc::new(Sampling(Arc::new(Network::new(&weights))));
        let episodes = stage.play(&actor, &plan)?;
        self.update += 1;
        self.learn(&episodes, record)?;
        let reward = episodes.iter().map(Episode::reward).sum::<f64>() / episodes.len() as f64;
        let decisions: usize = episodes.iter().map(|one| one.transitions.len()).sum();
        record.record(
            self.update,
            &[
                ("episode/reward", reward),
                ("episode/decisions", decisions as f64),
            ],
        );
        Ok(reward)
    }

    fn learn<R: Record>(&mut self, episodes: &[Episode], record: &mut R) -> Result<(), LearnError> {
        let samples = self.samples(episodes);
        let anchor = (self.settings.anchor_weight > 0.0)
            .then(|| Model::new(&self.anchor, self.model.device()));
        let mut random = Random::of(self.seed, Purpose::Minibatches, [self.update, 0, 0]);
        let learning_rate = self.learning_rate();
        let mut means = Means::default();
        let samples = some(&samples, self.settings.most_samples, &mut random);
        'update: for _ in 0..self.settings.epochs {
            let order = shuffled(samples.len(), &mut random);
            for minibatch in order.chunks(self.settings.minibatch) {
                let minibatch: Vec<&Sample<'_>> =
                    minibatch.iter().map(|place| samples[*place]).collect();
                let losses = self.losses(&minibatch, anchor.as_ref());
                means.add(losses.figures());
                if losses.approximate_kl > self.settings.target_kl {
                    break 'update;
                }
                let taken = self.optimiser.descend(
                    &mut self.model,
                    &losses.total,
                    learning_rate,
                    self.settings.longest_gradient,
                )?;
                means.add([("losses/gradient", taken.norm)]);
            }
        }
        means.record(self.update, record);
        Ok(())
    }

    /// `update` has been counted already.
    fn learning_rate(&self) -> f64 {
        let Settings {
            learning_rate,
            last_update,
            ..
        } = self.settings;
        let gone = last_update.map_or(0.0, |last| (self.update - 1) as f64 / last.max(1) as f64);
        learning_rate * (1.0 - gone).max(0.0)
    }

    fn samples<'a>(&self, episodes: &'a [Episode]) -> Vec<Sample<'a>> {
        let Settings {
            gamma,
            lambda,
            reward_scale,
            ..
        } = self.settings;
        let mut samples = Vec::new();
        for episode in episodes {
            let estimates = estimate(episode, gamma, lambda, reward_scale);
            let pairs = estimates.advantages.iter().zip(&estimates.returns);
            for (transition, (advantage, return_)) in episode.transitions.iter().zip(pairs) {
                samples.push(Sample {
                    transition,
                    advantage: *advantage,
                    return_: *return_,
                });
            }
        }
        samples
    }

    /// Equation 9 of the paper, to be made small.
    fn losses(&self, minibatch: &[&Sample<'_>], anchor: Option<&Model>) -> Losses {
        let observations = minibatch.iter().map(|one| &one.transition.observation);
        let observations: Vec<&Observation> = observations.collect();
        let batch = Batch::new(&observations, self.model.device());
        let output = self.model.forward(&batch);
        let log_probabilities = output.scores.log_softmax(-1, Kind::Float);
        let entropy = -expected(&log_probabilities, &log_probabilities);
        let value = self.value_loss(minibatch, output.value.as_ref());
        let (policy, log_ratio) = self.policy_loss(minibatch, &log_probabilities);
        let ratio = log_ratio.exp();
        let Settings {
            value_weight,
            entropy_weight,
            anchor_weight,
            clip,
            ..
        } = self.settings;
        let mut total = &policy + &value * value_weight - &entropy * entropy_weight;
        if let Some(anchor) = anchor {
            let incumbent = no_grad(|| anchor.forward(&batch).scores.log_softmax(-1, Kind::Float));
            let divergence = expected(&incumbent, &(&incumbent - &log_probabilities));
            total += divergence * anchor_weight;
        }
        let is_clipped = (&ratio - 1.0).abs().gt(clip).to_kind(Kind::Float);
        // The estimator k3 of Schulman's note "Approximating KL Divergence" (2020): never negative, little variance.
        let approximate_kl = (ratio - 1.0 - log_ratio).mean(Kind::Float);
        Losses {
            policy: policy.double_value(&[]),
            value: value.double_value(&[]),
            entropy: entropy.double_value(&[]),
            approximate_kl: approximate_kl.double_value(&[]),
            clipped: is_clipped.mean(Kind::Float).double_value(&[]),
            total,
        }
    }

    /// Equation 7, and the logarithm of the ratio in it.
    fn policy_loss(&self, minibatch: &[&Sample<'_>], now: &Tensor) -> (Tensor, Tensor) {
        let device = self.model.device();
        let choices = minibatch.iter().map(|one| one.transition.choice);
        let before = column(choices.clone().map(|choice| choice.log_probability), device);
        let log_ratio = chosen(now, choices.map(|choice| choice.candidate)) - before;
        let ratio = log_ratio.exp();
        let advantage = normalised(&column(minibatch.iter().map(|one| one.advantage), device));
        let clip = self.settings.clip;
        let clipped = ratio.clamp(1.0 - clip, 1.0 + clip) * &advantage;
        let gain = (ratio * advantage).minimum(&clipped);
        (-gain.mean(Kind::Float), log_ratio)
    }

    fn value_loss(&self, minibatch: &[&Sample<'_>], value: Option<&Tensor>) -> Tensor {
        let returns = minibatch.iter().map(|one| one.return_);
        let returns = column(returns, self.model.device());
        let error = value.map_or_else(|| returns.zeros_like(), |value| value - &returns);
        error.square().mean(Kind::Float) * 0.5
    }
}

/// So many of them at most, drawn at random.
fn some<'a, T>(of: &'a [T], most: usize, random: &mut Random) -> Vec<&'a T> {
    let order = shuffled(of.len(), random);
    order
        .into_iter()
        .take(most)
        .map(|place| &of[place])
        .collect()
}

/// The mean over a batch of what is expected of `values` under these probabilities.
fn expected(log_probabilities: &Tensor, values: &Tensor) -> Tensor {
    let sums = (log_probabilities.exp() * values).sum_dim_intlist([-1_i64].as_slice(), false, None);
    sums.mean(Kind::Float)
}

fn normalised(advantage: &Tensor) -> Tensor {
    if advantage.numel() < 2 {
        return advantage.shallow_clone();
    }
    (advantage - advantage.mean(Kind::Float)) / (advantage.std(true) + 1e-8)
}

impl Losses {
    fn figures(&self) -> [(&'static str, f64); 5] {
        [
            ("losses/policy", self.policy),
            ("losses/value", self.value),
            ("losses/entropy", self.entropy),
            ("losses/approximate_kl", self.approximate_kl),
            ("losses/clipped_share", self.clipped),
        ]
    }
}

impl Settings {
    fn check(&self) -> Result<(), LearnError> {
        let at_least_1 = [
            ("episodes", self.episodes),
            ("longest_episode", self.longest_episode),
            ("most_samples", self.most_samples),
            ("epochs", self.epochs),
            ("minibatch", self.minibatch),
        ];
        if let Some((setting, found)) = at_least_1.into_iter().find(|(_, found)| *found == 0) {
            return Err(LearnError::Setting {
                setting,
                found: found as f64,
                expected: "at least 1",
            });
        }
        for (setting, found) in [("gamma", self.gamma), ("lambda", self.lambda)] {
            if !(0.0..=1.0).contains(&found) {
                return Err(LearnError::Setting {
                    setting,
                    found,
                    expected: "from 0 to 1",
                });
            }
        }
        Ok(())
    }
}
