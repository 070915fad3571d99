//! Which node a task suits best.

use super::NODES_COMPARED;
use crate::{
    Resources,
    cluster::node::{NodeSlot, Nodes},
    policy::{Policy, Site},
};

/// The best of the first [`NODES_COMPARED`] of `nodes` that `demand` fits on and `allowed` permits; ties go to the node
/// that joined first. `avoid` is chosen only when there is no other.
pub(super) fn place(
    nodes: &Nodes,
    candidates: impl Iterator<Item = NodeSlot>,
    policy: &dyn Policy,
    demand: &Resources,
    avoid: Option<NodeSlot>,
    allowed: impl Fn(NodeSlot) -> bool,
) -> Option<NodeSlot> {
    let mut best: Option<(u64, std::cmp::Reverse<NodeSlot>)> = None;
    let mut avoided = None;
    let fitting = candidates.filter(|slot| {
        let node = nodes.get(*slot);
        node.is_eligible() && demand.fits(&node.free()) && allowed(*slot)
    });
    for slot in fitting.take(NODES_COMPARED) {
        if avoid == Some(slot) {
            avoided = avoid;
            continue;
        }
        let node = nodes.get(slot);
        let site = Site {
            capacity: node.capacity,
            free_after: node.free().saturating_sub(demand),
        };
        best = best.max(Some((policy.suitability(&site), std::cmp::Reverse(slot))));
    }
    best.map(|(_, slot)| slot.0).or(avoided)
}

/// True when some node could hold `demand` if it were empty.
pub(super) fn is_possible(nodes: &Nodes, demand: &Resources) -> bool {
    nodes
        .eligible()
        .any(|(_, node)| demand.fits(&node.capacity))
}
