//! Nodes that come and go get nothing new for a while.

use drover_model::{AttemptRow, Epoch, Timestamp, cluster::Quarantine};

use super::{Checker, said::SILENT};

const RESTARTED: &str = "its agent was restarted";

/// Of one node in one leadership, which knows no earlier ones: those with which an attempt was lost. A node can be lost
/// with none; it is quarantined then for longer than is known here, never for shorter.
#[derive(Debug, Default)]
pub(super) struct Losses {
    epoch: Epoch,
    count: u32,
    last: Timestamp,
}

impl Losses {
    /// All attempts that are lost at one time are lost with one node.
    fn add(&mut self, rule: &Quarantine, epoch: Epoch, now: Timestamp) {
        let count = match self {
            Self { epoch: of, .. } if *of != epoch => 1,
            Self { last, count, .. } if *last == now => *count,
            Self { last, .. } if now.since(*last) > rule.within_ms => 1,
            Self { count, .. } => *count + 1,
        };
        *self = Self {
            epoch,
            count,
            last: now,
        };
    }

    /// How long it gets nothing, if it does at all: from the last loss on, twice as long with each further one.
    fn quarantined_until(&self, rule: &Quarantine, epoch: Epoch) -> Option<Timestamp> {
        let further = self.count.checked_sub(rule.losses)?;
        let pause_ms = rule.pause_ms << further.min(16);
        (self.epoch == epoch).then(|| self.last.plus_ms(pause_ms.min(rule.max_pause_ms)))
    }
}

impl Checker {
    pub(super) fn note_loss(&mut self, row: &AttemptRow, coordinator: usize) {
        let message = row.message.as_deref().unwrap_or_default();
        if !message.starts_with(SILENT) && !message.starts_with(RESTARTED) {
            return;
        }
        let (epoch, now) = self.last_step(coordinator);
        let node = (coordinator, row.node.clone());
        let losses = self.losses.entry(node).or_default();
        losses.add(&self.quarantine, epoch, now);
    }

    pub(super) fn is_not_quarantined(&mut self, row: &AttemptRow, coordinator: usize) {
        let (epoch, now) = self.last_step(coordinator);
        let losses = self.losses.get(&(coordinator, row.node.clone()));
        let until = losses.and_then(|losses| losses.quarantined_until(&self.quarantine, epoch));
        self.require(
            until.is_none_or(|until| until <= now),
            "flapping nodes get nothing new",
            || format!("{row:?}, but the node is quarantined until {until:?}"),
        );
    }
}
