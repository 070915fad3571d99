use std::thread;

use drover_model::inference::Network;
use drover_sim::random::{Purpose, Random};

use super::Objective;
use crate::threads::join;

/// The mean cost of each network over the windows. Threads share the pairs of both out; sums have a fixed order.
pub(crate) fn costs<O: Objective>(
    objective: &O,
    networks: &[Network],
    windows: &[u64],
    threads: usize,
) -> Vec<f64> {
    let count = networks.len() * windows.len();
    let cost = |pair: usize| {
        let (network, window) = (
            &networks[pair / windows.len()],
            windows[pair % windows.len()],
        );
        let cost = objective.cost(network, window);
        if cost.is_finite() {
            cost
        } else {
            f64::MAX / count as f64
        }
    };
    let share = |first: usize| -> Vec<f64> { (first..count).step_by(threads).map(cost).collect() };
    let share = &share;
    let shares = thread::scope(|scope| {
        let start = |first| scope.spawn(move || share(first));
        join((0..threads).map(start).collect())
    });
    let of = |pair: usize| shares[pair % threads][pair / threads];
    let sum = |network: usize| {
        (0..windows.len())
            .map(|window| of(network * windows.len() + window))
            .sum::<f64>()
    };
    (0..networks.len())
        .map(|network| sum(network) / windows.len() as f64)
        .collect()
}

/// Seeds of windows on which a training compares what it has found, always the same.
pub(crate) fn validation_windows(seed: u64, count: usize) -> Vec<u64> {
    let mut random = Random::of(seed, Purpose::Episodes, [u64::MAX, 1, 0]);
    (0..count).map(|_| random.draw()).collect()
}
