//! Pauses between attempts to lead.

use std::time::Duration;

const SHORTEST: Duration = Duration::from_millis(100);
/// Between leaderships that are lost at once, so that whatever ends them is not made worse.
const LONGEST: Duration = Duration::from_secs(5);
/// A standby looks this often whether the lease is free.
const STANDBY_INTERVAL: Duration = Duration::from_millis(500);

/// Between attempts to reach a database that does not answer.
pub const STORE_PAUSE: Duration = Duration::from_millis(500);

/// Before a standby tries again for a lease that ends after `remaining`.
pub fn standby_pause(remaining: Duration) -> Duration {
    remaining.clamp(Duration::from_millis(10), STANDBY_INTERVAL)
}

/// How long nobody leads after a leadership was lost. Outlives leaderships.
#[derive(Debug)]
pub struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: SHORTEST }
    }
}

impl Backoff {
    /// After a leadership that was lost, and had lasted so long since its load.
    pub fn pause(&mut self, lasted: Duration) -> Duration {
        if lasted > LONGEST {
            self.next = SHORTEST;
        }
        let longer = (self.next * 2).min(LONGEST);
        std::mem::replace(&mut self.next, longer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_a_leadership_lasts() {
        let mut backoff = Backoff::default();
        let pauses: Vec<u128> = (0..8)
            .map(|_| backoff.pause(Duration::ZERO).as_millis())
            .collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
        assert_eq!(backoff.pause(LONGEST), LONGEST);
        assert_eq!(backoff.pause(LONGEST + SHORTEST), SHORTEST);
    }
}
