//! Waits between attempts to connect.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

const FIRST_MS: u64 = 50;
/// A failover is noticed within it.
const LONGEST_MS: u64 = 1_000;

/// Doubles up to a cap; each wait is drawn between half of it and all, so that agents cut off together do not return
/// together.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
    random: RandomState,
}

impl Backoff {
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    pub(crate) fn next(&mut self) -> Duration {
        let full = FIRST_MS
            .saturating_mul(1 << self.failures.min(10))
            .min(LONGEST_MS);
        let draw = self.random.hash_one(self.failures) % (full / 2 + 1);
        self.failures = self.failures.saturating_add(1);
        Duration::from_millis(full / 2 + draw)
    }
}

#[cfg(test)]
mod tests {
    use super::Backoff;

    #[test]
    fn waits_grow_to_the_cap_and_start_over() {
        let mut backoff = Backoff::default();
        let first = backoff.next().as_millis();
        assert!((25..=50).contains(&first), "{first}");
        let later: Vec<_> = (0..20).map(|_| backoff.next().as_millis()).collect();
        assert!((500..=1_000).contains(&later[19]), "{later:?}");
        backoff.reset();
        assert!(backoff.next().as_millis() <= 50);
    }
}
