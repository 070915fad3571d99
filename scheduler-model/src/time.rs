//! Model time.

use std::fmt;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize,
)]
pub struct Timestamp(pub i64);

impl Timestamp {
    pub const MAX: Self = Self(i64::MAX);

    /// Saturates.
    #[must_use]
    pub fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add_unsigned(ms))
    }

    /// Milliseconds from `earlier` to `self`; 0 if `earlier` is later.
    pub fn since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms", self.0)
    }
}

/// An optional timestamp in the space of one: a long queue is read at random, and what is small is read faster.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct MaybeTimestamp(i64);

impl MaybeTimestamp {
    const NONE: i64 = i64::MIN;

    pub(crate) fn get(self) -> Option<Timestamp> {
        (self.0 != Self::NONE).then_some(Timestamp(self.0))
    }
}

impl From<Option<Timestamp>> for MaybeTimestamp {
    /// The one timestamp that stands for none is 292 million years ago.
    fn from(at: Option<Timestamp>) -> Self {
        Self(at.map_or(Self::NONE, |at| at.0))
    }
}

impl fmt::Debug for MaybeTimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}
