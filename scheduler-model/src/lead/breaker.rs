//! Whether the policy in use can be relied on, judged by its last rounds of dispatch.

use std::{fmt, sync::Arc, time::Duration};

/// What a decision may cost beyond the budget of its round, for each task that is placed.
const PER_PLACEMENT: Duration = Duration::from_micros(50);

/// So many of the last [`Rounds::KEPT`] make a fault: one slow round may be the machine's.
const MOST_BAD: u32 = 16;

/// Trips when rounds take too long, or propose what is not possible, for a while.
#[derive(Debug)]
pub struct Breaker {
    budget: Duration,
    /// Whose rounds are counted.
    policy: Arc<str>,
    slow: Rounds,
    rejected: Rounds,
}

/// One round of dispatch, as somebody with a clock has seen it.
#[derive(Clone, Copy, Debug)]
pub struct RoundSeen {
    pub took: Duration,
    pub placements: usize,
    /// How many of them were not possible.
    pub rejected: u64,
}

/// Why another policy is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Slow { budget: Duration },
    Rejected,
}

/// The last rounds, a bit for each; set where one was bad.
#[derive(Debug, Default)]
struct Rounds(u32);

impl Rounds {
    const KEPT: u32 = u32::BITS;

    /// True when too many were.
    fn note(&mut self, is_bad: bool) -> bool {
        self.0 = self.0 << 1 | u32::from(is_bad);
        self.0.count_ones() >= MOST_BAD
    }
}

impl Breaker {
    pub fn new(budget: Duration) -> Self {
        Self {
            budget,
            policy: "".into(),
            slow: Rounds::default(),
            rejected: Rounds::default(),
        }
    }

    /// Another policy begins with a clean record.
    pub fn note(&mut self, policy: &str, round: RoundSeen) -> Option<Fault> {
        if *self.policy != *policy {
            *self = Self {
                policy: policy.into(),
                ..Self::new(self.budget)
            };
        }
        let placements = u32::try_from(round.placements).unwrap_or(u32::MAX);
        let allowed = self.budget + PER_PLACEMENT * placements;
        let is_slow = self.slow.note(round.took > allowed);
        let is_rejected = self.rejected.note(round.rejected > 0);
        if is_slow {
            let budget = self.budget;
            return Some(Fault::Slow { budget });
        }
        is_rejected.then_some(Fault::Rejected)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = Rounds::KEPT;
        match self {
            Self::Slow { budget } => write!(
                f,
                "{MOST_BAD} of its last {kept} rounds took longer than {budget:?} and {PER_PLACEMENT:?} for each task placed"
            ),
            Self::Rejected => write!(
                f,
                "{MOST_BAD} of its last {kept} rounds proposed what was not possible"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: Duration = Duration::from_millis(100);

    fn round(took_ms: u64, placements: usize, rejected: u64) -> RoundSeen {
        RoundSeen {
            took: Duration::from_millis(took_ms),
            placements,
            rejected,
        }
    }

    /// After how many rounds it trips, of at most 200.
    fn trips(rounds: impl Fn(usize) -> RoundSeen) -> Option<(usize, Fault)> {
        let mut breaker = Breaker::new(BUDGET);
        (1..=200).find_map(|number| Some((number, breaker.note("p", rounds(number))?)))
    }

    #[test]
    fn slow_rounds_trip_when_there_are_many() {
        let slow = Fault::Slow { budget: BUDGET };
        assert_eq!(trips(|_| round(101, 0, 0)), Some((16, slow)));
        assert_eq!(
            trips(|number| round(if number % 2 == 0 { 101 } else { 1 }, 0, 0)),
            Some((32, slow))
        );
        assert_eq!(
            trips(|number| round(if number % 3 == 0 { 101 } else { 1 }, 0, 0)),
            None
        );
        assert_eq!(trips(|_| round(100, 0, 0)), None);
    }

    #[test]
    fn many_placements_may_take_longer() {
        assert_eq!(trips(|_| round(150, 1_000, 0)), None);
        assert!(trips(|_| round(151, 1_000, 0)).is_some());
    }

    #[test]
    fn impossible_proposals_trip() {
        assert_eq!(trips(|_| round(1, 9, 1)), Some((16, Fault::Rejected)));
        let said = Fault::Rejected.to_string();
        assert_eq!(
            said,
            "16 of its last 32 rounds proposed what was not possible"
        );
    }

    #[test]
    fn another_policy_has_a_clean_record() {
        let mut breaker = Breaker::new(BUDGET);
        for policy in ["p", "q", "p"] {
            for _ in 1..16 {
                assert_eq!(breaker.note(policy, round(1_000, 0, 0)), None);
            }
        }
        assert!(breaker.note("p", round(1_000, 0, 0)).is_some());
    }
}
