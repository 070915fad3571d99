//! Capacity kept for the first task that fits nowhere (Lifka, JSSPP 1995; Mu'alem, Feitelson, IEEE TPDS 2001, per
//! node and resource).

use crate::{
    Resources, Timestamp,
    cluster::{
        jobs::TaskRef,
        node::{Node, NodeSlot, Nodes},
    },
};

/// Where and when the reserved task is expected to start, and what is then left beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shadow {
    pub(super) node: NodeSlot,
    pub(super) start: Timestamp,
    pub(super) extra: Resources,
}

impl Shadow {
    /// The node on which `demand` is expected to fit first; ties go to the one that joined first. `None` when it fits on
    /// none even when empty. `holds` tells what a task on a node gives back.
    pub(super) fn find(
        nodes: &Nodes,
        now: Timestamp,
        demand: &Resources,
        holds: impl Fn(TaskRef) -> Resources,
    ) -> Option<Self> {
        nodes
            .eligible()
            .filter(|(_, node)| demand.fits(&node.capacity))
            .filter_map(|(slot, node)| {
                let (start, extra) = when_fits(node, now, demand, &holds)?;
                Some(Self {
                    node: slot,
                    start,
                    extra,
                })
            })
            .min_by_key(|shadow| (shadow.start, shadow.node))
    }

    /// True when a task on `node` until `end` leaves the reservation as it is.
    pub(super) fn admits(&self, node: NodeSlot, end: Timestamp, demand: &Resources) -> bool {
        node != self.node || end <= self.start || demand.fits(&self.extra)
    }

    /// Notes what was placed after being admitted.
    pub(super) fn take(&mut self, node: NodeSlot, end: Timestamp, demand: &Resources) {
        if node == self.node && end > self.start {
            self.extra.subtract(demand);
        }
    }
}

/// When `demand` is expected to fit on a node, and what is then left beside it.
fn when_fits(
    node: &Node,
    now: Timestamp,
    demand: &Resources,
    holds: impl Fn(TaskRef) -> Resources,
) -> Option<(Timestamp, Resources)> {
    let mut free = node.free();
    let mut start = now;
    let mut held = node.held.iter();
    while !demand.fits(&free) {
        let (expected_end, task) = held.next()?;
        free.add(&holds(*task));
        // What runs longer than expected may end any moment.
        start = start.max(*expected_end);
    }
    Some((start, free.saturating_sub(demand)))
}
