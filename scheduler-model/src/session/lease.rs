//! How long the agent may count on being believed in.

use std::collections::VecDeque;

use super::Elapsed;

/// Counts from the sending of the last message that the coordinator is known to have heard: the join that was
/// welcomed, or an acknowledged heartbeat. It goes on counting without a connection.
#[derive(Debug, Default)]
pub(super) struct Lease {
    heard: Option<Elapsed>,
    length_ms: u32,
    fence_grace_ms: u32,
}

impl Lease {
    /// The join that was sent then was welcomed.
    pub(super) fn begin(&mut self, joined: Elapsed, length_ms: u32, fence_grace_ms: u32) {
        self.renew(joined);
        self.length_ms = length_ms;
        self.fence_grace_ms = fence_grace_ms;
    }

    /// A heartbeat that was sent then was heard.
    pub(super) fn renew(&mut self, sent: Elapsed) {
        self.heard = self.heard.max(Some(sent));
    }

    /// Before the first welcome it has not begun.
    pub(super) fn end(&self) -> Option<Elapsed> {
        let Elapsed(heard) = self.heard?;
        Some(Elapsed(heard.saturating_add(u64::from(self.length_ms))))
    }

    pub(super) fn is_over(&self, now: Elapsed) -> bool {
        self.end().is_some_and(|end| end <= now)
    }

    /// From SIGTERM to SIGKILL of an attempt that has this grace otherwise.
    pub(super) fn fence_grace_ms(&self, grace_ms: u32) -> u32 {
        grace_ms.min(self.fence_grace_ms)
    }
}

/// Numbers of the heartbeats of one connection.
#[derive(Debug, Default)]
pub(super) struct Heartbeats {
    sent: u64,
    /// When those were sent that have not been acknowledged, oldest first.
    unanswered: VecDeque<Elapsed>,
}

impl Heartbeats {
    pub(super) fn unanswered(&self) -> usize {
        self.unanswered.len()
    }

    /// The number of the next.
    pub(super) fn send(&mut self, now: Elapsed) -> u64 {
        self.sent += 1;
        self.unanswered.push_back(now);
        self.sent
    }

    pub(super) fn was_sent(&self, number: u64) -> bool {
        number <= self.sent
    }

    /// Everything up to `number` was heard: when that was sent, if it is news.
    pub(super) fn acknowledge(&mut self, number: u64) -> Option<Elapsed> {
        let after = usize::try_from(self.sent - number).ok()?;
        let count = self.unanswered.len().checked_sub(after)?;
        self.unanswered.drain(..count).next_back()
    }
}
