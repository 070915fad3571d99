//! Random streams, split by purpose: a draw more for one thing changes nothing of another.

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

    /// Uniform in `low..=high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True `permille` times in a thousand.
    pub fn chance(&mut self, permille: u64) -> bool {
        self.below(1_000) < permille
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
    }
}
