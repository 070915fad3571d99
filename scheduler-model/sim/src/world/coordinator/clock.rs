//! Model time, as a coordinator counts it.

use drover_model::Timestamp;

use crate::world::moment::Moment;

/// The wall clock at the start of a leadership plus monotonic time since: never jumps, and never goes below what the
/// store has seen.
#[derive(Clone, Copy, Debug)]
pub struct ModelClock {
    base: Timestamp,
    anchor: Moment,
}

impl ModelClock {
    pub fn start(stored: Timestamp, wall: Timestamp, anchor: Moment) -> Self {
        Self {
            base: wall.max(stored),
            anchor,
        }
    }

    pub fn at(&self, moment: Moment) -> Timestamp {
        self.base.plus_ms(moment.ms_since(self.anchor))
    }

    /// When the model's time will be `at`.
    pub fn moment(&self, at: Timestamp) -> Moment {
        self.anchor.plus_ms(at.since(self.base))
    }
}
