use super::{Facts, Order, Policy};

/// The task whose best node suits it best first: by the weighted score of [`crate::Score`] that it would get now (free
/// resources, latency, cost, match of priority, locality, preferences, speed). What has no place now comes last. That another
/// node is preferred after a loss is left out.
#[derive(Debug)]
pub(super) struct NodeScore;

impl Policy for NodeScore {
    fn name(&self) -> &str {
        "score"
    }

    fn description(&self) -> &str {
        "best match of task and node first, by the weighted node score"
    }

    fn order(&self) -> Order {
        Order::Scored
    }

    fn key(&self, facts: &Facts) -> i64 {
        -i64::from(facts.node_score)
    }
}
