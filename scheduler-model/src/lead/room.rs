//! How much the open turn may gather while a commit is in flight: less when the store is slow, so that every turn can be
//! committed well within the lease.

use std::time::Duration;

/// Rows and actions that the open turn of a coordinator gathers at most; beyond, the lanes fill up.
const MAX_OPEN: usize = 20_000;

/// A store that takes this part of a lease for a commit gets smaller ones; one that takes a quarter of that, larger ones.
const SLOW: u32 = 4;
const FAST: u32 = 16;

/// It is never less than this part of the most.
const LEAST: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    rows: usize,
    most: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self::new(MAX_OPEN)
    }
}

impl Room {
    pub fn new(most: usize) -> Self {
        Self { rows: most, most }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// A commit took so long.
    pub(super) fn adapt(&mut self, took: Duration, lease: Duration) {
        if took > lease / SLOW {
            *self = self.halved();
        } else if took < lease / FAST {
            self.rows = self.rows.saturating_mul(2).min(self.most);
        }
    }

    /// For the leadership after one whose last commit did not come back in time: the same turn would come again.
    #[must_use]
    pub fn halved(self) -> Self {
        let least = (self.most / LEAST).max(1);
        Self {
            rows: (self.rows / 2).max(least),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(3);

    #[test]
    fn slow_commits_make_turns_smaller_and_fast_ones_larger() {
        let mut room = Room::new(1_000);
        room.adapt(LEASE / 3, LEASE);
        assert_eq!(room.rows(), 500);
        room.adapt(LEASE / 8, LEASE);
        assert_eq!(room.rows(), 500);
        room.adapt(LEASE / 20, LEASE);
        room.adapt(LEASE / 20, LEASE);
        assert_eq!(room.rows(), 1_000);
    }

    #[test]
    fn some_room_always_remains() {
        let mut room = Room::new(1_000);
        for _ in 0..20 {
            room = room.halved();
        }
        assert_eq!(room.rows(), 15);
        assert_eq!(Room::new(1).halved().rows(), 1);
    }
}
