//! An operator changes a node.

use super::{Cluster, node::NodeSlot, timers::Timer};
use crate::{
    Action, Admission, Answer, CallerId, Effects, NodeChange, NodeName, NodeOverrides, Refusal,
    Timestamp,
};

/// A tick stops so many attempts of a node that is drained.
const STOPPED_AT_ONCE: usize = 500;

impl Cluster {
    pub(super) fn change_node(
        &mut self,
        now: Timestamp,
        caller: CallerId,
        name: &NodeName,
        change: NodeChange,
        effects: &mut Effects,
    ) {
        let answer = match self.nodes.find(name) {
            None => Answer::Refused(Refusal::UnknownNode(name.clone())),
            Some(slot) => {
                self.apply(now, slot, change, effects);
                effects.nodes.push(self.nodes.get(slot).row());
                Answer::NodeSet(Box::new(self.view_node(now, slot)))
            }
        };
        effects.actions.push(Action::Reply { caller, answer });
    }

    fn apply(&mut self, now: Timestamp, slot: NodeSlot, change: NodeChange, effects: &mut Effects) {
        match change {
            NodeChange::Override(overrides) => self.overrule(slot, |old| old.merge(*overrides)),
            NodeChange::Replace(overrides) => self.overrule(slot, |old| *old = *overrides),
            NodeChange::Cordon => self.admit(slot, Admission::Cordoned),
            NodeChange::Uncordon => self.admit(slot, Admission::Open),
            NodeChange::Drain { after_ms } => {
                let deadline = after_ms.map(|ms| now.plus_ms(ms));
                self.admit(slot, Admission::Draining { deadline });
                self.watch_drain(slot);
                if deadline.is_some_and(|deadline| deadline <= now) {
                    self.drain(now, slot, effects);
                }
            }
        }
        self.ready.reopen();
        self.wants_dispatch = true;
    }

    fn overrule(&mut self, slot: NodeSlot, change: impl FnOnce(&mut NodeOverrides)) {
        self.nodes.update(slot, |node| change(&mut node.overrides));
        let node = self.nodes.get(slot);
        let attributes = node.overrides.apply(&node.given);
        self.nodes.set_attributes(slot, attributes);
    }

    fn admit(&mut self, slot: NodeSlot, admission: Admission) {
        self.nodes.update(slot, |node| node.admission = admission);
    }

    pub(super) fn watch_drain(&mut self, slot: NodeSlot) {
        let admission = self.nodes.get(slot).admission;
        if let Admission::Draining {
            deadline: Some(deadline),
        } = admission
        {
            self.timers.set(deadline, Timer::Drain(slot));
        }
    }

    /// The time of what runs there is up, unless somebody has decided otherwise meanwhile.
    pub(super) fn drain(&mut self, now: Timestamp, slot: NodeSlot, effects: &mut Effects) {
        let admission = self.nodes.get(slot).admission;
        let is_due = matches!(admission, Admission::Draining { deadline: Some(at) } if at <= now);
        if !is_due {
            return;
        }
        let held = self.nodes.get(slot).held_tasks();
        let mut going_on = held.into_iter().filter(|at| {
            let task = &self.jobs.get(at.job).tasks[at.task as usize];
            task.phase.may_be_stopped()
        });
        let stopped: Vec<_> = going_on.by_ref().take(STOPPED_AT_ONCE).collect();
        let is_more = going_on.next().is_some();
        for at in stopped {
            let job = self.jobs.get(at.job);
            // Another of its gang may have taken it along.
            if job.tasks[at.task as usize].phase.may_be_stopped() {
                self.at_work = Some(job.id);
                self.send_back(now, at, effects);
            }
        }
        if is_more {
            self.timers.set(now, Timer::Drain(slot));
        }
    }
}
