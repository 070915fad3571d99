//! Which node a task suits best.

use super::NODES_COMPARED;
use crate::{
    Resources,
    cluster::node::{NodeSlot, Nodes},
    policy::{Policy, Site},
};

/// The best of at most [`NODES_COMPARED`] nodes that `demand` fits on and `allowed` permits, taken from the one with
/// most free cpu on; ties go to the node that joined first. `avoid` is chosen only when there is no other.
pub(super) fn place(
    nodes: &Nodes,
    policy: &dyn Policy,
    demand: &Resources,
    avoid: Option<NodeSlot>,
    allowed: impl Fn(NodeSlot) -> bool,
) -> Option<NodeSlot> {
    let mut best: Option<(u64, std::cmp::Reverse<NodeSlot>)> = None;
    let mut avoided = None;
    let fitting = nodes
        .with_free_cpu(demand.cpu_millis)
        .filter(|slot| demand.fits(&nodes.get(*slot).free()) && allowed(*slot));
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

/// True when some connected node could hold `demand` if it were empty.
pub(super) fn is_possible(nodes: &Nodes, demand: &Resources) -> bool {
    nodes
        .connected()
        .any(|(_, node)| demand.fits(&node.capacity))
}
