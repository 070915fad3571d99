//! Model time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use drover_model::Timestamp;
use nix::time::{ClockId, clock_gettime};

/// The wall clock at the start of a leadership plus monotonic time since: never jumps, and never goes below what the
/// store has seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ModelClock {
    base: Timestamp,
    anchor: Instant,
}

impl ModelClock {
    pub(crate) fn start(stored: Timestamp) -> Self {
        Self {
            base: wall().max(stored),
            anchor: Instant::now(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.base.plus_ms(whole_ms(self.anchor.elapsed()))
    }

    /// Model time at a moment; never before the leadership began.
    pub(crate) fn at(&self, instant: Instant) -> Timestamp {
        let since = instant.saturating_duration_since(self.anchor);
        self.base.plus_ms(whole_ms(since))
    }

    /// When the model's time will be `at`.
    pub(crate) fn instant(&self, at: Timestamp) -> Instant {
        // A year is farther than any sleep lasts; it keeps the addition from overflowing.
        let ms = at.since(self.base).min(365 * 24 * 3_600 * 1_000);
        self.anchor + Duration::from_millis(ms)
    }
}

/// Time of day, for reads of the record.
pub(crate) fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp(since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }))
}

/// Time since this host was started, also while it slept: a lease that others hold against this host goes on meanwhile.
pub(crate) fn since_boot() -> Duration {
    let now = clock_gettime(ClockId::CLOCK_BOOTTIME);
    now.expect("Linux has this clock since 2.6.39").into()
}

fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_below_the_stored_time() {
        let ahead = wall().plus_ms(1_000_000);
        let clock = ModelClock::start(ahead);
        assert!(clock.now() >= ahead);
    }

    #[test]
    fn instants_and_times_agree() {
        let clock = ModelClock::start(Timestamp(0));
        let at = clock.now().plus_ms(5_000);
        let wait = clock.instant(at).duration_since(Instant::now());
        assert!(wait <= Duration::from_millis(5_000), "{wait:?}");
        assert!(clock.instant(Timestamp(0)) <= Instant::now());
        assert!(clock.instant(Timestamp::MAX) > Instant::now());
    }
}
