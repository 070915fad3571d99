//! How long this coordinator may believe that it leads.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// End of the database lease on this machine's monotonic clock, counted from before the commit that renewed it was sent:
/// never later than the database's own.
#[derive(Debug)]
pub(crate) struct LeaseTerm {
    anchor: Instant,
    /// 0: not leading.
    until_ms: AtomicU64,
}

impl Default for LeaseTerm {
    fn default() -> Self {
        Self {
            anchor: Instant::now(),
            until_ms: AtomicU64::new(0),
        }
    }
}

impl LeaseTerm {
    pub(crate) fn extend(&self, since: Instant, term: Duration) {
        self.until_ms
            .store(self.ms_at(since + term), Ordering::Release);
    }

    pub(crate) fn end(&self) {
        self.until_ms.store(0, Ordering::Release);
    }

    pub(crate) fn is_valid(&self) -> bool {
        self.ms_at(Instant::now()) < self.until_ms.load(Ordering::Acquire)
    }

    fn ms_at(&self, instant: Instant) -> u64 {
        let since = instant.saturating_duration_since(self.anchor);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_from_renewal_to_end() {
        let lease = LeaseTerm::default();
        assert!(!lease.is_valid());
        lease.extend(Instant::now(), Duration::from_secs(3_600));
        assert!(lease.is_valid());
        lease.end();
        assert!(!lease.is_valid());
        lease.extend(Instant::now(), Duration::ZERO);
        assert!(!lease.is_valid());
    }
}
