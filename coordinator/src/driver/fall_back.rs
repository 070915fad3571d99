//! From a policy that cannot be relied on to the rule that is set for that case.

use std::time::Duration;

use drover_model::{Event, lead::RoundSeen};

use super::leader::Leader;
use crate::{clock, policies, tally::Count};

impl Leader {
    /// Steps what the machine itself wants. `asked`: when it was asked for it.
    pub(super) fn step_own(&mut self, event: Event, asked: Duration) {
        let Event::Dispatch(decision) = &event else {
            return self.step(event);
        };
        let took = clock::now().saturating_sub(asked);
        let placements = decision.placements.len();
        let before = self.lead.cluster().counters().rejected_placements;
        self.step(event);
        let cluster = self.lead.cluster();
        let round = RoundSeen {
            took,
            placements,
            rejected: cluster.counters().rejected_placements - before,
        };
        if let Some(fault) = self.breaker.note(cluster.config().policy.name(), round) {
            self.fall_back(&fault.to_string());
        }
    }

    /// Nothing happens where that rule is in use: there is nothing better.
    pub(super) fn fall_back(&mut self, why: &str) {
        let in_use = self.lead.cluster().config().policy.name();
        let rule = self.options.fallback.name();
        if in_use == rule {
            return;
        }
        let switch = policies::give_up(in_use.into(), rule, "breaker", why);
        self.tally.add(Count::PolicyFallbacks);
        self.step(Event::UsePolicy {
            caller: None,
            switch: Box::new(switch),
        });
    }
}
