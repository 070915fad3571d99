//! Random streams, split by purpose: a draw more for one thing changes nothing of another.

use std::convert::Infallible;

use rand::TryRng;
use rand_distr::Distribution;

/// What a stream is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Sizes and limits of the cluster.
    Setting,
    Jobs,
    Clients,
    Network,
    Store,
    Agents,
    Faults,
    Checks,
    Operators,
    /// When jobs arrive in a generated workload.
    Arrivals,
    /// What they need and how long they run.
    Work,
    /// How far run times deviate from the trace's.
    Noise,
    /// When simulated nodes fail.
    Failures,
    /// Resampling of results.
    Bootstrap,
    /// Whose generated jobs are, and how urgent.
    Owners,
    /// Which of them have deadlines, and how near.
    Deadlines,
    /// How long their users say that they take.
    Estimates,
    /// The parameters that a training starts with.
    Weights,
    /// Which episodes a training plays.
    Episodes,
    /// What is tried in an episode.
    Exploration,
    /// In which order decisions are learned from.
    Minibatches,
    /// Directions of a direct search.
    Search,
    /// Which policies are switched to, and when.
    Policies,
}

/// SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    pub fn new(seed: u64, purpose: Purpose) -> Self {
        let mut random = Self {
            state: seed ^ (purpose as u64 + 1).wrapping_mul(0xd134_2543_de82_ef95),
        };
        // Neighbouring seeds are far apart after one round.
        random.state = random.draw();
        random
    }

    /// A stream that belongs to one thing for ever, whenever it is asked for.
    pub fn of(seed: u64, purpose: Purpose, names: [u64; 3]) -> Self {
        let mut random = Self::new(seed, purpose);
        for name in names {
            random.state ^= name.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            random.state = random.draw();
        }
        random
    }

    pub fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Uniform in `0..limit`; 0 if `limit` is.
    pub fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.draw()) * u128::from(limit)) >> 64) as u64
    }

    /// Uniform in `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        // As many bits as a double holds between 1 and 2.
        (self.draw() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Of mean 0 and variance 1 (Box, Muller, "A Note on the Generation of Random Normal Deviates", 1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Uniform in `low..=high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True `permille` times in a thousand.
    pub fn chance(&mut self, permille: u64) -> bool {
        self.below(1_000) < permille
    }

    /// Uniform in `low..high`.
    pub fn real(&mut self, low: f64, high: f64) -> f64 {
        low + self.unit() * (high - low)
    }

    pub fn sample<T>(&mut self, distribution: &impl Distribution<T>) -> T {
        distribution.sample(self)
    }

    /// # Panics
    /// When there is nothing to pick from.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }

    /// Mostly near `low`, sometimes near `high`, evenly in orders of magnitude.
    pub fn spread(&mut self, low: u64, high: u64) -> u64 {
        let doublings = (high / low.max(1)).max(1).ilog2();
        let scale = 1u64 << self.below(u64::from(doublings) + 1);
        self.between(low, (low * scale).min(high).max(low))
    }
}

/// What distributions draw from.
impl TryRng for Random {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.draw() >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.draw())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.draw().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_have_streams_of_their_own() {
        let mut network = Random::new(7, Purpose::Network);
        let mut store = Random::new(7, Purpose::Store);
        assert_ne!(network.draw(), store.draw());
        let again = Random::new(7, Purpose::Network).draw();
        assert_eq!(again, Random::new(7, Purpose::Network).draw());
    }

    #[test]
    fn limits_are_reached_and_kept() {
        let mut random = Random::new(1, Purpose::Checks);
        let drawn: Vec<u64> = (0..1_000).map(|_| random.between(3, 5)).collect();
        assert!((3..=5).all(|value| drawn.contains(&value)));
        assert!(drawn.iter().all(|value| (3..=5).contains(value)));
        let spread: Vec<u64> = (0..1_000).map(|_| random.spread(100, 10_000)).collect();
        assert!(spread.iter().all(|value| (100..=10_000).contains(value)));
        let reals: Vec<f64> = (0..1_000).map(|_| random.real(-1.0, 3.0)).collect();
        assert!(reals.iter().all(|value| (-1.0..3.0).contains(value)));
        // Four standard errors of a mean of 1,000: 4 * 4 / sqrt(12,000).
        assert!((reals.iter().sum::<f64>() / 1_000.0 - 1.0).abs() < 0.15);
    }

    #[test]
    fn normal_draws_have_mean_0_and_deviation_1() {
        let mut random = Random::new(1, Purpose::Search);
        let drawn: Vec<f64> = (0..20_000).map(|_| random.normal()).collect();
        let mean = drawn.iter().sum::<f64>() / 20_000.0;
        let variance = drawn.iter().map(|value| value * value).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03, "{mean}");
        assert!((variance - 1.0).abs() < 0.03, "{variance}");
    }

    #[test]
    fn bytes_are_filled_to_the_last() {
        let mut bytes = [0; 19];
        let Ok(()) = Random::new(1, Purpose::Checks).try_fill_bytes(&mut bytes);
        let mut again = Random::new(1, Purpose::Checks);
        assert_eq!(bytes[..8], again.draw().to_le_bytes());
        assert!(bytes[16..].iter().any(|byte| *byte > 0));
    }
}
