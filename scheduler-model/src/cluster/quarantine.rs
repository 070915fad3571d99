//! Nodes that come and go get nothing new for a while, each time for longer. Not recorded: a load forgives.

use super::{Cluster, node::NodeSlot, timers::Timer};
use crate::Timestamp;

/// When a node counts as flapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Quarantine {
    /// Losses after which it is quarantined when it joins again; 0 means never.
    pub losses: u32,
    /// Losses do not add up with those before when the last of them, and the quarantine that it led to, are longer ago.
    pub within_ms: u64,
    /// How long the first lasts. Each further loss doubles it.
    pub pause_ms: u64,
    pub max_pause_ms: u64,
}

impl Default for Quarantine {
    fn default() -> Self {
        Self {
            losses: 3,
            within_ms: 600_000,
            pause_ms: 30_000,
            max_pause_ms: 600_000,
        }
    }
}

impl Quarantine {
    fn pause_after(&self, losses: u32) -> u64 {
        let doublings = losses.saturating_sub(self.losses).min(32);
        self.pause_ms
            .saturating_mul(1 << doublings)
            .min(self.max_pause_ms)
    }
}

/// How often a node was lost lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Losses {
    pub(crate) count: u32,
    last: Timestamp,
    /// End of the last quarantine that followed from them.
    paused_until: Timestamp,
}

impl Losses {
    /// Those that still add up at `now`.
    pub(crate) fn recent(&self, now: Timestamp, within_ms: u64) -> u32 {
        if now.since(self.last.max(self.paused_until)) > within_ms {
            0
        } else {
            self.count
        }
    }
}

impl Cluster {
    /// A node was silent for too long, or its agent died with work.
    pub(super) fn note_loss(&mut self, now: Timestamp, slot: NodeSlot) {
        let within_ms = self.config.quarantine.within_ms;
        self.nodes.update(slot, |node| {
            node.losses = Losses {
                count: node.losses.recent(now, within_ms) + 1,
                last: now,
                ..node.losses
            };
        });
    }

    pub(super) fn quarantine_if_flapping(&mut self, now: Timestamp, slot: NodeSlot) {
        let rule = self.config.quarantine;
        let node = self.nodes.get(slot);
        let losses = node.losses.recent(now, rule.within_ms);
        if rule.losses == 0 || losses < rule.losses || node.quarantined_until.is_some() {
            return;
        }
        let until = node.losses.last.plus_ms(rule.pause_after(losses));
        if until <= now {
            return;
        }
        self.counters.quarantines += 1;
        self.nodes.update(slot, |node| {
            node.quarantined_until = Some(until);
            node.losses.paused_until = until;
        });
        self.timers.set(until, Timer::Quarantine(slot));
    }

    /// Another loss meanwhile may have made it longer.
    pub(super) fn release_from_quarantine(&mut self, now: Timestamp, slot: NodeSlot) {
        self.nodes
            .update(slot, |node| node.quarantined_until = None);
        self.quarantine_if_flapping(now, slot);
        self.ready.reopen();
        self.wants_dispatch = true;
    }
}
