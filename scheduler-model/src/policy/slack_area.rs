use super::{Facts, Order, Policy, key::pair};

/// Smallest square root of slack times area first: sqrt((d - u - now) n r), in seconds and processors, where d is the
/// deadline, u the remaining critical path, n r the area. What is late has no slack left to spend and goes behind all
/// others, smallest area first; what has no deadline comes between the two, by its area. Found by comparing rules on jobs
/// with deadlines; it is edf where areas are equal and saf where slacks are.
#[derive(Debug)]
pub(super) struct SlackTimesArea;

impl Policy for SlackTimesArea {
    fn name(&self) -> &str {
        "slack-area"
    }

    fn description(&self) -> &str {
        "smallest square root of slack x area first; what can no longer meet its deadline goes behind all that can"
    }

    fn order(&self) -> Order {
        Order::Changing
    }

    fn key(&self, facts: &Facts) -> i64 {
        let area = facts.processors() * facts.estimate_s();
        match facts.slack_ms() {
            Some(slack) if slack >= 0 => pair(0.0, (slack as f64 / 1_000.0 * area).sqrt()),
            Some(_) => pair(2.0, area),
            None => pair(1.0, area),
        }
    }
}
