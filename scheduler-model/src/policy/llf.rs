use super::{Facts, Policy, key::FAR};

/// Least laxity first (Mok, "Fundamental Design Problems of Distributed Systems for the Hard Real-Time Environment",
/// MIT 1983): by d - u, the latest start that still meets the deadline d with a critical path of u, which orders tasks as
/// slack does but does not change while they wait. What has no deadline is due at one far moment, so that of such tasks the
/// longest is first.
#[derive(Debug)]
pub(super) struct LeastLaxityFirst;

impl Policy for LeastLaxityFirst {
    fn name(&self) -> &str {
        "llf"
    }

    fn description(&self) -> &str {
        "least laxity first: earliest latest start, which is the deadline less the remaining critical path"
    }

    fn key(&self, facts: &Facts) -> i64 {
        let deadline = facts.deadline.map_or(FAR, |deadline| deadline.0);
        deadline.saturating_sub_unsigned(facts.upward_rank_ms.min(FAR as u64 / 2))
    }
}
