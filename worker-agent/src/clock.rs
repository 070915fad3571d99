//! The agent's clocks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use drover_model::{Timestamp, session::Elapsed};
use nix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

/// Leases are counted on it. Unlike that of [`std::time::Instant`], this clock goes on while the host sleeps.
pub(crate) fn elapsed() -> Elapsed {
    let now = clock_gettime(ClockId::CLOCK_BOOTTIME);
    let since_boot = Duration::from(now.expect("Linux has had this clock since 2.6.39"));
    Elapsed(u64::try_from(since_boot.as_millis()).unwrap_or(u64::MAX))
}

pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// For ever when there is no such time.
pub(crate) async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
