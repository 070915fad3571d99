//! Capacity kept for the first task, or gang, that fits nowhere (Lifka, JSSPP 1995; Mu'alem, Feitelson, IEEE TPDS 2001,
//! per node and resource).

use std::collections::BTreeMap;

use super::{Reservation, sweep::Sweep};
use crate::{
    JobId, Resources, Timestamp,
    cluster::{
        fit::Fit,
        jobs::{Jobs, TaskRef},
        node::{Holding, Node, NodeSlot},
        nodes::Nodes,
    },
};

/// Where and when what is reserved for is expected to start, and what is then left beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shadow {
    /// One for each task.
    pub(super) nodes: Vec<NodeSlot>,
    pub(super) start: Timestamp,
    /// From whom it keeps apart.
    apart: Option<(JobId, u32)>,
    /// On each of the nodes.
    beside: BTreeMap<NodeSlot, Resources>,
}

impl Shadow {
    /// The nodes on which it is expected to fit first; ties go to those that joined first. `None` when there is no room
    /// even when all are empty. `holds` tells what a task on a node gives back.
    pub(super) fn find<'a>(
        nodes: &Nodes,
        now: Timestamp,
        fit: &Fit,
        holds: impl Fn(TaskRef) -> &'a Fit,
    ) -> Option<Self> {
        if fit.gang.is_some() {
            return Sweep::new(nodes, fit, &holds).run(now);
        }
        let mut soonest: Option<(Timestamp, NodeSlot, Resources)> = None;
        for (slot, node) in nodes.eligible().filter(|(_, node)| fit.admits(node)) {
            // A later node has to be sooner.
            let before = soonest.as_ref().map(|(start, ..)| *start);
            if let Some((start, beside)) = when_fits(node, now, before, fit, &holds) {
                soonest = Some((start, slot, beside));
            }
        }
        soonest.map(|(start, slot, beside)| Self::on(slot, start, fit, beside))
    }

    /// Of one task.
    pub(super) fn on(node: NodeSlot, start: Timestamp, fit: &Fit, beside: Resources) -> Self {
        Self::on_all(vec![node], start, fit, BTreeMap::from([(node, beside)]))
    }

    pub(super) fn on_all(
        nodes: Vec<NodeSlot>,
        start: Timestamp,
        fit: &Fit,
        beside: BTreeMap<NodeSlot, Resources>,
    ) -> Self {
        Self {
            nodes,
            start,
            apart: fit.apart,
            beside,
        }
    }

    /// In the words of the outside.
    pub(super) fn reservation(&self, task: TaskRef, jobs: &Jobs, nodes: &Nodes) -> Reservation {
        let names = self.nodes.iter();
        let mut names: Vec<_> = names.map(|node| nodes.get(*node).name.clone()).collect();
        names.sort_unstable();
        Reservation {
            job: jobs.get(task.job).id,
            task: task.task,
            nodes: names,
            start: self.start,
        }
    }

    /// True when a task on `node` until `end` leaves the reservation as it is.
    pub(super) fn admits(&self, node: NodeSlot, end: Timestamp, fit: &Fit) -> bool {
        self.room(node, end, fit, 1) > 0
    }

    /// How many such tasks do, counted up to `most`.
    pub(super) fn room(&self, node: NodeSlot, end: Timestamp, fit: &Fit, most: u32) -> u32 {
        match self.beside.get(&node) {
            Some(_) if end > self.start && fit.apart.is_some() && fit.apart == self.apart => 0,
            Some(beside) if end > self.start => fit.demand.times_in(beside, most),
            _ => most,
        }
    }

    /// Notes what was placed after being admitted.
    pub(super) fn take(&mut self, node: NodeSlot, end: Timestamp, demand: &Resources) {
        if end > self.start
            && let Some(beside) = self.beside.get_mut(&node)
        {
            beside.subtract(demand);
        }
    }
}

/// When a task is expected to fit on a node, and what is then left beside it. Nothing unless that is `before` a time.
fn when_fits<'a>(
    node: &Node,
    now: Timestamp,
    before: Option<Timestamp>,
    fit: &Fit,
    holds: &impl Fn(TaskRef) -> &'a Fit,
) -> Option<(Timestamp, Resources)> {
    let mut free = node.free().clone();
    let mut start = now;
    let mut apart = held_apart(node, fit, holds);
    let mut held = node.held.iter();
    let is_late = |start| before.is_some_and(|before| start >= before);
    if is_late(start) {
        return None;
    }
    while apart > 0 || !fit.demand.fits(&free) {
        let Holding { until, task, .. } = held.next()?;
        if is_late(*until) {
            return None;
        }
        let ending = holds(*task);
        free.add(&ending.demand);
        apart -= usize::from(keeps_apart(ending, fit));
        // What runs longer than expected may end any moment.
        start = start.max(*until);
    }
    Some((start, free.saturating_sub(&fit.demand)))
}

/// How many others of its group a node holds.
pub(super) fn held_apart<'a>(node: &Node, fit: &Fit, holds: &impl Fn(TaskRef) -> &'a Fit) -> usize {
    // Most have no group, and then nobody is asked.
    if fit.apart.is_none() {
        return 0;
    }
    let held = node.held.iter();
    held.filter(|held| keeps_apart(holds(held.task), fit))
        .count()
}

pub(super) fn keeps_apart(one: &Fit, other: &Fit) -> bool {
    one.apart.is_some() && one.apart == other.apart
}
