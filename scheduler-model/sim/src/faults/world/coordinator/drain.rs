//! Whether a drained node is empty when it should be, where nothing disturbs.

use drover_model::{Epoch, Event, NodeChange};

use super::Leader;
use crate::faults::{
    occasion::Occasion,
    world::{Happening, World, moment::Moment},
};

/// Nothing in the workload is given longer to end.
const MOST_GRACE_MS: u64 = 5_000;

/// For timers, commits and messages on their way.
const WAYS_MS: u64 = 2_000;

/// A node had to be empty by now.
#[derive(Clone, Copy, Debug)]
pub struct Drain {
    agent: usize,
    coordinator: usize,
    epoch: Epoch,
    /// When what ran there was to be stopped.
    due: Moment,
}

impl World<'_> {
    pub(super) fn note_drain(&mut self, c: usize, leader: &Leader, event: &Event) {
        let Event::ChangeNode {
            node,
            change: NodeChange::Drain {
                after_ms: Some(after_ms),
            },
            ..
        } = event
        else {
            return;
        };
        let Some(agent) = self.agents.iter().position(|agent| agent.name == *node) else {
            return;
        };
        let due = self.now.plus_ms(*after_ms);
        let drain = Drain {
            agent,
            coordinator: c,
            epoch: leader.epoch(),
            due,
        };
        let at = due.plus_ms(MOST_GRACE_MS + WAYS_MS);
        self.line.plan(at, Happening::Drained(drain));
    }

    /// Somebody asks at once what a task waits for that others make room for, and now and then what another does while
    /// something is reserved.
    pub(super) fn wonder_at(&mut self, event: &Event) {
        let Event::Dispatch(decision) = event else {
            return;
        };
        for preemption in &decision.preemptions {
            self.ask_why(preemption.job, preemption.task, 1);
        }
        if decision.reserved.is_some() && self.checks.chance(150) {
            self.wonder_why();
        }
    }

    /// Looks only where its agent has been there, and its leader led, since before the time was up.
    pub(in crate::faults::world) fn drained(&mut self, drain: Drain) {
        let Some(leader) = self.coordinators[drain.coordinator].leads() else {
            return;
        };
        let agent = &self.agents[drain.agent];
        let joined = agent.joined(drain.coordinator);
        let undisturbed = leader.epoch() == drain.epoch
            && !leader.lead.is_careful()
            && joined.is_some_and(|joined| joined < drain.due)
            && self.faults.calm_since(drain.due);
        let now = leader.lead.clock().at(self.now.elapsed());
        let name = agent.name.clone();
        let due = self.checker.drained_at(drain.coordinator, &name);
        let is_due = due.is_some_and(|due| now.since(due) >= MOST_GRACE_MS + WAYS_MS);
        if undisturbed && is_due {
            self.statistics.meet(Occasion::FoundEmpty);
            self.checker.is_drained(drain.agent, &name, &self.database);
        }
    }
}
