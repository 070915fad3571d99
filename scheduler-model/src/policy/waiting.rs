//! Rules in which waiting counts against width and run time.

use super::{Facts, Order, Policy, key::ascending};

/// WFP3: -(w/r)^3 n, smallest first, for w seconds of waiting, estimated run time r and n processors (Tang, Lan, Desai,
/// Buettner, "Fault-aware, utility-based job scheduling on Blue Gene/P systems", CLUSTER 2009). Published comparisons often
/// count w with the wrong sign; here it grows with waiting.
#[derive(Debug)]
pub(super) struct Wfp3;

impl Policy for Wfp3 {
    fn name(&self) -> &str {
        "wfp3"
    }

    fn description(&self) -> &str {
        "WFP3: most (waiting / run time)^3 x processors first"
    }

    fn order(&self) -> Order {
        Order::Changing
    }

    fn key(&self, facts: &Facts) -> i64 {
        let ratio = facts.waited_s() / facts.estimate_s();
        ascending(-(ratio * ratio * ratio * facts.processors()))
    }
}

/// UNICEP: -w / (log2(n) r), smallest first, in the terms of [`Wfp3`] (Tang et al., CLUSTER 2009). Fewer than two processors
/// count as two: the logarithm of one would put whatever is narrow before everything else.
#[derive(Debug)]
pub(super) struct Unicep;

impl Policy for Unicep {
    fn name(&self) -> &str {
        "unicep"
    }

    fn description(&self) -> &str {
        "UNICEP: most waiting / (log2(processors) x run time) first"
    }

    fn order(&self) -> Order {
        Order::Changing
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "only what a round decides depends on it, and that is recorded"
    )]
    fn key(&self, facts: &Facts) -> i64 {
        let width = facts.processors().max(2.0).log2();
        ascending(-facts.waited_s() / (width * facts.estimate_s()))
    }
}
