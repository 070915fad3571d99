//! What a leader does in one step, before any of it is durable.

use drover_model::{AttemptRow, AttemptState, Epoch, Event, JobRow, Timestamp};

use super::Checker;

impl Checker {
    /// A coordinator steps an event at this model time.
    pub fn steps(&mut self, coordinator: usize, epoch: Epoch, now: Timestamp, event: &Event) {
        let before = self.stepped.insert(coordinator, (epoch, now));
        if let Some((_, before)) = before.filter(|(before, _)| *before == epoch) {
            self.require(now >= before, "model time never goes back", || {
                format!("coordinator {coordinator}: {now:?} after {before:?}")
            });
        }
        if matches!(event, Event::Tick) {
            self.ticked.insert(coordinator, (epoch, now));
        }
    }

    /// The rows that this step has added to the open turn.
    pub fn stepped(&mut self, coordinator: usize, jobs: &[JobRow], attempts: &[AttemptRow]) {
        for row in jobs {
            self.submitted(row);
        }
        for row in attempts {
            self.given_up(row, coordinator);
            self.note_loss(row, coordinator);
        }
        let placed: Vec<&AttemptRow> = attempts.iter().filter(|row| is_placed(row)).collect();
        for row in &placed {
            self.is_not_quarantined(row, coordinator);
        }
        self.urgent_first(&placed, coordinator);
    }

    /// Of its leadership, and when.
    pub(super) fn last_step(&self, coordinator: usize) -> (Epoch, Timestamp) {
        let last = self.stepped.get(&coordinator).copied();
        last.unwrap_or_default()
    }
}

/// What a replay carries over is recorded as it ended.
fn is_placed(row: &AttemptRow) -> bool {
    row.from.is_none() && row.state == AttemptState::Assigned
}
