//! What the loads run on.

use std::sync::Arc;

use drover_model::{NodeAttributes, Resources};

use crate::trace::TraceNode;

pub(super) const GIB: u64 = 1 << 30;

/// What a node has for each of its cpus.
pub(super) const MEMORY_PER_CPU: u64 = 4 * GIB;

/// In millionths of the money's unit an hour, as clouds charge about.
const COST_PER_CPU_MICROS: u64 = 50_000;

/// Of a server under load, with its share of everything around.
const WATTS_PER_CPU: u32 = 12;

/// `count` nodes of `cpus` cores each, with 4 GiB of memory a core, of speed 1, that never fail.
pub fn equal_nodes(count: u32, cpus: u32) -> Vec<TraceNode> {
    let capacity = Resources {
        cpu_millis: u64::from(cpus) * 1_000,
        memory_bytes: u64::from(cpus) * MEMORY_PER_CPU,
        ..Resources::ZERO
    };
    let attributes = NodeAttributes {
        cost_per_hour_micros: u64::from(cpus) * COST_PER_CPU_MICROS,
        power_watts: cpus.saturating_mul(WATTS_PER_CPU),
        ..NodeAttributes::default()
    };
    (0..count)
        .map(|number| TraceNode {
            attributes: attributes.clone(),
            ..TraceNode::plain(node_name("node", number), capacity.clone())
        })
        .collect()
}

/// Names in the order of numbers, as long as there are less than a thousand.
pub(super) fn node_name(class: &str, number: u32) -> Arc<str> {
    format!("{class}-{number:03}").into()
}
