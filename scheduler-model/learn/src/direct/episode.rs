use std::sync::Arc;

use drover_model::inference::Network;

use super::Objective;
use crate::{Environment, Greedy, Plan, roll_out};

/// The cost of an episode is what it lacks in reward, played as production would. Holds what makes an environment.
#[derive(Clone, Copy, Debug)]
pub struct LostReward<F> {
    pub make: F,
    pub longest_episode: usize,
}

impl<E: Environment, F: Fn() -> E + Sync> Objective for LostReward<F> {
    fn cost(&self, network: &Network, seed: u64) -> f64 {
        let plan = Plan {
            seeds: vec![seed],
            longest: self.longest_episode,
        };
        let episodes = roll_out(
            &mut [(self.make)()],
            &Greedy(Arc::new(network.clone())),
            &plan,
        );
        episodes.map_or(f64::NAN, |episodes| -episodes[0].reward())
    }
}
