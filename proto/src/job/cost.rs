//! What attempts cost, by their rate and the time for which they held their resources.

use drover_model::{AttemptRow, Timestamp};

const MS_PER_HOUR: u128 = 60 * 60 * 1_000;
const MICROJOULES_PER_JOULE: u128 = 1_000_000;

/// Sums are kept in the smallest unit, so that many short attempts do not round to nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cost {
    /// Millionths of the money's unit an hour, times milliseconds.
    money: u128,
    /// Milliwatts times milliseconds.
    microjoules: u128,
}

impl Cost {
    /// Until it ended; so far, if it has not.
    pub(super) fn of(row: &AttemptRow, now: Timestamp) -> Self {
        let end = row.ended_at.unwrap_or(now);
        let held_ms = end.0.saturating_sub(row.assigned_at.0);
        let held_ms = u128::try_from(held_ms).unwrap_or(0);
        Self {
            money: u128::from(row.rate.cost_per_hour_micros) * held_ms,
            microjoules: u128::from(row.rate.power_milliwatts) * held_ms,
        }
    }

    pub(super) fn of_all(rows: &[AttemptRow], now: Timestamp) -> Self {
        rows.iter().fold(Self::default(), |sum, row| {
            let one = Self::of(row, now);
            Self {
                money: sum.money.saturating_add(one.money),
                microjoules: sum.microjoules.saturating_add(one.microjoules),
            }
        })
    }

    /// Millionths of the money's unit, rounded down.
    pub(super) fn micros(self) -> u64 {
        u64::try_from(self.money / MS_PER_HOUR).unwrap_or(u64::MAX)
    }

    /// Rounded down.
    pub(super) fn joules(self) -> u64 {
        u64::try_from(self.microjoules / MICROJOULES_PER_JOULE).unwrap_or(u64::MAX)
    }
}
