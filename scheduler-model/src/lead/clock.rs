//! Model time, as a leadership counts it.

use std::time::Duration;

use crate::Timestamp;

/// Farther than any sleep lasts; it keeps additions from overflowing.
const YEAR_MS: u64 = 365 * 24 * 3_600 * 1_000;

/// The wall clock at the start of a leadership plus time since: never jumps, and never goes below what the store has
/// seen.
#[derive(Clone, Copy, Debug)]
pub struct ModelClock {
    base: Timestamp,
    anchor: Duration,
}

impl ModelClock {
    /// `stored` is the model time of the last commit, `wall` the time of day.
    pub fn start(stored: Timestamp, wall: Timestamp, now: Duration) -> Self {
        Self {
            base: wall.max(stored),
            anchor: now,
        }
    }

    /// Model time at a moment; never before the leadership began.
    pub fn at(&self, moment: Duration) -> Timestamp {
        let since = moment.saturating_sub(self.anchor).as_millis();
        self.base.plus_ms(u64::try_from(since).unwrap_or(u64::MAX))
    }

    /// When the model's time will be `at`.
    pub fn moment(&self, at: Timestamp) -> Duration {
        self.anchor + Duration::from_millis(at.since(self.base).min(YEAR_MS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_millis(7_000);

    #[test]
    fn never_below_the_stored_time() {
        let clock = ModelClock::start(Timestamp(900), Timestamp(100), NOW);
        assert_eq!(clock.at(NOW), Timestamp(900));
        assert_eq!(clock.at(Duration::ZERO), Timestamp(900));
        let ahead = ModelClock::start(Timestamp(100), Timestamp(900), NOW);
        assert_eq!(ahead.at(NOW + Duration::from_micros(1_900)), Timestamp(901));
    }

    #[test]
    fn moments_and_times_agree() {
        let clock = ModelClock::start(Timestamp(0), Timestamp(100), NOW);
        let at = clock.at(NOW).plus_ms(5_000);
        assert_eq!(clock.moment(at), NOW + Duration::from_secs(5));
        assert_eq!(clock.moment(Timestamp(0)), NOW);
        assert!(clock.moment(Timestamp::MAX) > NOW);
    }
}
