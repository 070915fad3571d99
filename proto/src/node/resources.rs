//! What there is, what is held, and what new work can have.

use std::collections::{BTreeMap, btree_map::Entry};

use drover_model::{NodeClass, NodeState, NodeView, Resources};

use super::{capacity, node_state};
use crate::{agent::resources_to_wire, attributes::class_to_wire, v1};

/// By node, by class, and in all. The nodes are by name; those that have left are shown, but count nowhere.
pub fn resources(views: &[NodeView]) -> v1::GetResourcesResponse {
    let nodes: Vec<v1::NodeResources> = views.iter().map(of_node).collect();
    let mut cluster = empty(v1::NodeClass::Unspecified);
    let mut classes: BTreeMap<NodeClass, v1::ClassResources> = BTreeMap::new();
    for (view, node) in views.iter().zip(&nodes) {
        if view.state == NodeState::Left {
            continue;
        }
        let class = view.attributes.class;
        count(&mut cluster, node);
        count(
            classes
                .entry(class)
                .or_insert_with(|| empty(class_to_wire(class))),
            node,
        );
    }
    v1::GetResourcesResponse {
        nodes,
        classes: classes.into_values().collect(),
        cluster: Some(cluster),
    }
}

fn of_node(view: &NodeView) -> v1::NodeResources {
    let available = match view.state {
        NodeState::Ready => &view.free,
        _ => &Resources::ZERO,
    };
    v1::NodeResources {
        node: view.name.to_string(),
        state: node_state(view.state).into(),
        class: class_to_wire(view.attributes.class).into(),
        capacity: Some(capacity(view)),
        used: Some(resources_to_wire(&view.capacity.saturating_sub(&view.free))),
        available: Some(resources_to_wire(available)),
    }
}

fn empty(class: v1::NodeClass) -> v1::ClassResources {
    let nothing = Some(v1::Resources::default());
    v1::ClassResources {
        class: class.into(),
        capacity: nothing.clone(),
        used: nothing.clone(),
        available: nothing,
        ..Default::default()
    }
}

fn count(sum: &mut v1::ClassResources, node: &v1::NodeResources) {
    sum.nodes += 1;
    sum.ready_nodes += u32::from(node.state() == v1::NodeState::Ready);
    add(&mut sum.capacity, &node.capacity);
    add(&mut sum.used, &node.used);
    add(&mut sum.available, &node.available);
}

/// Agents may say what they like: a sum that is too large stays at the most.
fn add(sum: &mut Option<v1::Resources>, more: &Option<v1::Resources>) {
    let (Some(sum), Some(more)) = (sum, more) else {
        return;
    };
    sum.cpu_millis = sum.cpu_millis.saturating_add(more.cpu_millis);
    sum.memory_bytes = sum.memory_bytes.saturating_add(more.memory_bytes);
    sum.gpus = sum.gpus.saturating_add(more.gpus);
    sum.disk_bytes = sum.disk_bytes.saturating_add(more.disk_bytes);
    for (name, amount) in &more.custom {
        match sum.custom.entry(name.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(*amount);
            }
            Entry::Occupied(mut entry) => {
                let total = entry.get().saturating_add(*amount);
                entry.insert(total);
            }
        }
    }
}
