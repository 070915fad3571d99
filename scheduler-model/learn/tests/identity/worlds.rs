//! Worlds in which what is right is known.

use drover_learner::{Environment, Observation, Step};
use drover_model::inference::Layout;
use drover_sim::random::{Purpose, Random};

fn share(random: &mut Random) -> f32 {
    random.below(1_001) as f32 / 1_000.0
}

/// Each window has one right candidate, which a feature names, among others and noise.
pub(crate) struct Bandit {
    layout: Layout,
    random: Random,
    right: usize,
    left: u32,
}

impl Bandit {
    const CANDIDATES: u64 = 5;
    const DECISIONS: u32 = 8;
    pub(crate) const BEST: f64 = Self::DECISIONS as f64;

    fn observe(&mut self, observation: &mut Observation) {
        self.right = self.random.below(Self::CANDIDATES) as usize;
        observation.clear();
        for candidate in 0..Self::CANDIDATES as usize {
            let is_right = f32::from(u8::from(candidate == self.right));
            let noise = share(&mut self.random);
            observation.candidates.extend([is_right, noise]);
            observation.eligible.push(true);
        }
        observation.globals.push(share(&mut self.random));
    }
}

impl Default for Bandit {
    fn default() -> Self {
        Self {
            layout: Layout::new(["is_right", "noise"], ["noise"]).unwrap(),
            random: Random::new(0, Purpose::Work),
            right: 0,
            left: 0,
        }
    }
}

impl Environment for Bandit {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn reset(&mut self, seed: u64, observation: &mut Observation) {
        self.random = Random::new(seed, Purpose::Work);
        self.left = Self::DECISIONS;
        self.observe(observation);
    }

    fn step(&mut self, choice: usize, observation: &mut Observation) -> Step {
        let reward = f64::from(u8::from(choice == self.right));
        self.left -= 1;
        self.observe(observation);
        Step {
            reward,
            is_done: self.left == 0,
        }
    }
}

/// One machine and jobs that all wait from the start. The reward is the waiting that a choice costs, so that the sum of
/// flow times is to be made small.
pub(crate) struct OneMachine {
    layout: Layout,
    durations: Vec<f32>,
    noise: Vec<f32>,
    waits: Vec<bool>,
}

impl OneMachine {
    const JOBS: usize = 6;

    fn observe(&self, observation: &mut Observation) {
        observation.clear();
        for (duration, noise) in self.durations.iter().zip(&self.noise) {
            observation.candidates.extend([*duration, *noise]);
        }
        observation.eligible.extend(&self.waits);
        observation
            .globals
            .push(self.waiting() as f32 / Self::JOBS as f32);
    }

    fn waiting(&self) -> usize {
        self.waits.iter().filter(|waits| **waits).count()
    }
}

impl Default for OneMachine {
    fn default() -> Self {
        Self {
            layout: Layout::new(["duration", "noise"], ["waiting"]).unwrap(),
            durations: Vec::new(),
            noise: Vec::new(),
            waits: Vec::new(),
        }
    }
}

impl Environment for OneMachine {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn reset(&mut self, seed: u64, observation: &mut Observation) {
        let mut random = Random::new(seed, Purpose::Work);
        let mut draw = || (0..Self::JOBS).map(|_| share(&mut random)).collect();
        (self.durations, self.noise) = (draw(), draw());
        self.waits = vec![true; Self::JOBS];
        self.observe(observation);
    }

    fn step(&mut self, choice: usize, observation: &mut Observation) -> Step {
        assert!(self.waits[choice], "what has been started was not eligible");
        let cost = f64::from(self.durations[choice]) * self.waiting() as f64;
        self.waits[choice] = false;
        self.observe(observation);
        Step {
            reward: -cost / Self::JOBS as f64,
            is_done: self.waiting() == 0,
        }
    }
}
