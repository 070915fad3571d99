//! How long this coordinator may believe that it leads.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::clock;

/// End of the database lease on this host's own clock, counted from before the commit that renewed it was sent: never later
/// than the database's own.
#[derive(Debug, Default)]
pub(crate) struct LeaseTerm {
    /// Since the host was started; 0: not leading.
    until_ms: AtomicU64,
}

impl LeaseTerm {
    /// `since` is what [`clock::since_boot`] said then.
    pub(crate) fn extend(&self, since: Duration, term: Duration) {
        self.until_ms
            .store(whole_ms(since + term), Ordering::Release);
    }

    pub(crate) fn end(&self) {
        self.until_ms.store(0, Ordering::Release);
    }

    pub(crate) fn is_valid(&self) -> bool {
        whole_ms(clock::since_boot()) < self.until_ms.load(Ordering::Acquire)
    }
}

fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_from_renewal_to_end() {
        let lease = LeaseTerm::default();
        assert!(!lease.is_valid());
        lease.extend(clock::since_boot(), Duration::from_secs(3_600));
        assert!(lease.is_valid());
        lease.end();
        assert!(!lease.is_valid());
        lease.extend(clock::since_boot(), Duration::ZERO);
        assert!(!lease.is_valid());
    }
}
