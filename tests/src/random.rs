//! Random choices that a failed test can repeat.

use std::{
    hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher},
    time::{SystemTime, UNIX_EPOCH},
};

/// A stream of random numbers.
#[derive(Debug)]
pub struct Random {
    seed: u64,
    drawn: u64,
}

impl Random {
    /// Seeded from `DROVER_TEST_SEED`, or else the clock. Says its seed, which the test runner shows of tests that fail.
    ///
    /// # Panics
    /// When `DROVER_TEST_SEED` is not a number.
    pub fn seeded() -> Self {
        let seed = match std::env::var("DROVER_TEST_SEED") {
            Ok(text) => text.parse().expect("DROVER_TEST_SEED is a number"),
            Err(_) => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| u64::from(since.subsec_nanos())),
        };
        eprintln!("repeat with DROVER_TEST_SEED={seed}");
        Self { seed, drawn: 0 }
    }

    /// One of `0..limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.drawn += 1;
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one((self.seed, self.drawn));
        (hash % limit as u64) as usize
    }
}
