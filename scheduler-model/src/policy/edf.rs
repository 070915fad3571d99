use super::{Facts, Order, Policy, key::FAR};

/// Earliest deadline first (Liu, Layland, "Scheduling Algorithms for Multiprogramming in a Hard-Real-Time Environment",
/// JACM 1973, section 7): by d, the moment by which the job has to end. Without one a task comes after all that have one.
#[derive(Debug)]
pub(super) struct EarliestDeadlineFirst;

impl Policy for EarliestDeadlineFirst {
    fn name(&self) -> &str {
        "edf"
    }

    fn description(&self) -> &str {
        "earliest deadline first; without a deadline last, oldest first"
    }

    fn key(&self, facts: &Facts) -> i64 {
        facts.deadline.map_or(FAR, |deadline| deadline.0)
    }
}

/// Earliest deadline first among those that can still meet it: one whose remaining critical path would end after its
/// deadline, were it to start now, goes behind all others, so that what is lost does not make others late (Buttazzo, Spuri,
/// Sensini, "Value vs. Deadline Scheduling in Overload Conditions", RTSS 1995, the rule with rejection of the late).
#[derive(Debug)]
pub(super) struct EdfWithAdmission;

impl Policy for EdfWithAdmission {
    fn name(&self) -> &str {
        "edf-admission"
    }

    fn description(&self) -> &str {
        "earliest deadline first; what can no longer meet its deadline goes behind all others"
    }

    fn order(&self) -> Order {
        Order::Changing
    }

    fn key(&self, facts: &Facts) -> i64 {
        match facts.deadline {
            Some(deadline) if facts.is_late() => FAR.saturating_add(1).saturating_add(deadline.0),
            Some(deadline) => deadline.0,
            None => FAR,
        }
    }
}
