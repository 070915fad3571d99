//! Draws from continuous distributions.

use std::f64::consts::TAU;

use drover_sim::random::Random;

/// Uniform in `[0, 1)`.
pub(crate) fn uniform(random: &mut Random) -> f64 {
    (random.draw() >> 11) as f64 / (1u64 << 53) as f64
}

/// Standard normal (Box, Muller, "A Note on the Generation of Random Normal Deviates", 1958).
pub(crate) fn normal(random: &mut Random) -> f64 {
    let radius = (-2.0 * (1.0 - uniform(random)).ln()).sqrt();
    radius * (TAU * uniform(random)).cos()
}

/// A random order of `0..count` (Fisher, Yates; Durstenfeld's form).
pub(crate) fn shuffled(count: usize, random: &mut Random) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        order.swap(last, random.below(last as u64 + 1) as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use drover_sim::random::Purpose;

    use super::*;

    #[test]
    fn normal_draws_have_mean_0_and_deviation_1() {
        let mut random = Random::new(1, Purpose::Search);
        let drawn: Vec<f64> = (0..20_000).map(|_| normal(&mut random)).collect();
        let mean = drawn.iter().sum::<f64>() / 20_000.0;
        let variance = drawn.iter().map(|value| value * value).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03, "{mean}");
        assert!((variance - 1.0).abs() < 0.03, "{variance}");
    }

    #[test]
    fn an_order_has_everything_once() {
        let mut random = Random::new(2, Purpose::Search);
        let mut order = shuffled(50, &mut random);
        assert_ne!(order, (0..50).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..50).collect::<Vec<_>>());
    }
}
