//! Clocks of this host.

use std::{
    sync::LazyLock,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use drover_model::{
    Timestamp,
    lead::{Clocks, ModelClock},
};
use nix::time::{ClockId, clock_gettime};

static ANCHOR: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Time since this process looked first: what a leadership goes by. Never jumps, and stands still while the host sleeps.
pub(crate) fn now() -> Duration {
    ANCHOR.elapsed()
}

/// When [`now`] will be `moment`.
pub(crate) fn instant(moment: Duration) -> Instant {
    *ANCHOR + moment
}

/// Both clocks that a leadership needs.
pub(crate) fn clocks() -> Clocks {
    Clocks {
        now: now(),
        since_boot: since_boot(),
    }
}

/// Model time for a leadership that begins now, after what was `stored`.
pub(crate) fn model(stored: Timestamp) -> ModelClock {
    ModelClock::start(stored, wall(), now())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_instants() {
        let before = now();
        assert!(instant(before) <= Instant::now());
        let ahead = model(Timestamp(0)).moment(Timestamp::MAX);
        assert!(instant(ahead) > Instant::now());
    }
}
