//! Virtual time, and the line of what is going to happen.

use std::{cmp::Reverse, collections::BinaryHeap, fmt, time::Duration};

/// Microseconds since the world began.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(pub u64);

impl Moment {
    /// The moment that the machines know as this time since the world began.
    pub fn of(elapsed: Duration) -> Self {
        Self(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX))
    }

    /// Time since the world began.
    pub const fn elapsed(self) -> Duration {
        Duration::from_micros(self.0)
    }

    #[must_use]
    pub const fn plus_us(self, us: u64) -> Self {
        Self(self.0.saturating_add(us))
    }

    #[must_use]
    pub const fn plus_ms(self, ms: u64) -> Self {
        self.plus_us(ms.saturating_mul(1_000))
    }

    /// Whole milliseconds.
    pub const fn ms(self) -> u64 {
        self.0 / 1_000
    }

    /// 0 if `earlier` is later.
    pub const fn ms_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0) / 1_000
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>4}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is going to happen, by time; what is due at the same moment happens in the order in which it was planned.
#[derive(Debug)]
pub struct Line<Happening> {
    heap: BinaryHeap<Reverse<Planned<Happening>>>,
    planned: u64,
}

#[derive(Debug)]
struct Planned<Happening> {
    at: Moment,
    place: u64,
    what: Happening,
}

impl<Happening> Line<Happening> {
    pub fn plan(&mut self, at: Moment, what: Happening) {
        self.planned += 1;
        self.heap.push(Reverse(Planned {
            at,
            place: self.planned,
            what,
        }));
    }

    pub fn take_next(&mut self) -> Option<(Moment, Happening)> {
        self.heap.pop().map(|Reverse(next)| (next.at, next.what))
    }
}

impl<Happening> Default for Line<Happening> {
    fn default() -> Self {
        Self {
            heap: BinaryHeap::new(),
            planned: 0,
        }
    }
}

impl<Happening> PartialEq for Planned<Happening> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.place) == (other.at, other.place)
    }
}

impl<Happening> Eq for Planned<Happening> {}

impl<Happening> PartialOrd for Planned<Happening> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<Happening> Ord for Planned<Happening> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.place).cmp(&(other.at, other.place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_order_of_time_then_of_planning() {
        let mut line = Line::default();
        line.plan(Moment(2), "c");
        line.plan(Moment(1), "a");
        line.plan(Moment(1), "b");
        let order: Vec<_> = std::iter::from_fn(|| line.take_next())
            .map(|(_, what)| what)
            .collect();
        assert_eq!(order, ["a", "b", "c"]);
    }
}
