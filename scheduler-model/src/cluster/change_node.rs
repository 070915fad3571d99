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
            Some(slot) if self.says_too_much(slot, &change) => {
                Answer::Refused(Refusal::TooManyLabels(name.clone()))
            }
            Some(slot) => {
                self.apply(now, slot, change, effects);
                effects.nodes.push(self.nodes.get(slot).row());
                Answer::NodeSet(Box::new(self.view_node(now, slot)))
            }
        };
        effects.actions.push(Action::Reply { caller, answer });
    }

    /// Each request has a limit, but what they say adds up.
    fn says_too_much(&self, slot: NodeSlot, change: &NodeChange) -> bool {
        let NodeChange::Override(later) = change else {
            return false;
        };
        let mut overrides = self.nodes.get(slot).overrides.clone();
        overrides.merge((**later).clone());
        overrides.is_too_long()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Event, Join, NodeAttributes, ReportBatch, Resources, SessionId, Snapshot, cluster::Config,
    };

    fn labels(range: std::ops::Range<usize>) -> NodeChange {
        NodeChange::Override(Box::new(NodeOverrides {
            labels: range
                .map(|number| (number.to_string(), String::new()))
                .collect(),
            ..NodeOverrides::default()
        }))
    }

    fn answer(cluster: &mut Cluster, change: NodeChange) -> Answer {
        let mut effects = Effects::default();
        let event = Event::ChangeNode {
            caller: CallerId(1),
            node: "n1".into(),
            change,
        };
        cluster.step(Timestamp(1), event, &mut effects);
        match effects.actions.pop() {
            Some(Action::Reply { answer, .. }) => answer,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_operators_say_does_not_add_up_without_end() {
        let mut cluster = Cluster::load(Config::default(), Snapshot::default(), Timestamp(0));
        let join = Join {
            node: "n1".into(),
            incarnation: 1,
            agent_version: "test".into(),
            capacity: Resources::ZERO,
            attributes: NodeAttributes::default(),
            running: Vec::new(),
            reports: ReportBatch::default(),
        };
        let event = Event::Join {
            session: SessionId(1),
            join: Box::new(join),
        };
        cluster.step(Timestamp(0), event, &mut Effects::default());
        let mut said = |change| answer(&mut cluster, change);
        let all = NodeOverrides::MAX_LABELS;
        assert!(matches!(said(labels(0..all)), Answer::NodeSet(_)));
        let refused = Answer::Refused(Refusal::TooManyLabels("n1".into()));
        assert_eq!(said(labels(all..all + 1)), refused);
        assert!(
            matches!(said(labels(0..all)), Answer::NodeSet(node) if node.attributes.labels.len() == all)
        );
        let anew = NodeChange::Replace(Box::default());
        assert!(matches!(said(anew), Answer::NodeSet(_)));
        assert!(matches!(said(labels(all..all + 1)), Answer::NodeSet(_)));
    }
}
