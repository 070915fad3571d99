//! The random streams of one generated trace.

use crate::random::{Purpose, Random};

/// One for each purpose: other deadlines leave the work as it is.
pub(super) struct Streams {
    pub(super) arrivals: Random,
    pub(super) work: Random,
    pub(super) owners: Random,
    pub(super) deadlines: Random,
    pub(super) estimates: Random,
}

impl Streams {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            arrivals: Random::new(seed, Purpose::Arrivals),
            work: Random::new(seed, Purpose::Work),
            owners: Random::new(seed, Purpose::Owners),
            deadlines: Random::new(seed, Purpose::Deadlines),
            estimates: Random::new(seed, Purpose::Estimates),
        }
    }
}
