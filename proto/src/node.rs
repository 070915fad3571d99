//! Nodes as users see them, and what operators do to them.

mod change;
mod evaluation;
mod parse;
mod resources;
#[cfg(test)]
mod tests;

use drover_model::{Admission, NodeState, NodeView};

pub use change::{drain, set};
pub use evaluation::{MAX_EVALUATED, evaluation, runs_to_evaluate};
pub use parse::{cost_text, parse_cost, parse_custom, parse_label, parse_latency, parse_power};
pub use resources::resources;

pub use crate::attributes::class_to_model;
use crate::{agent::resources_to_wire, attributes::class_to_wire, time, v1};

/// A node, for the wire.
pub fn node(view: NodeView) -> v1::Node {
    let capacity = capacity(&view);
    let attributes = view.attributes;
    v1::Node {
        name: view.name.to_string(),
        state: node_state(view.state).into(),
        capacity: Some(capacity),
        free: Some(resources_to_wire(&view.free)),
        labels: attributes.labels,
        active_attempts: view.active_attempts,
        cpu_utilization: f64::from(view.cpu_permille) / 1_000.0,
        memory_utilization: f64::from(view.memory_permille) / 1_000.0,
        last_heard_time: Some(time::from_model(view.last_heard)),
        agent_version: view.agent_version.into(),
        quarantined_until_time: view.quarantined_until.map(time::from_model),
        recent_losses: view.losses,
        class: class_to_wire(attributes.class).into(),
        region: attributes.region.as_deref().unwrap_or_default().to_owned(),
        latency_ms: attributes.latency_ms,
        cost_per_hour_micros: attributes.cost_per_hour_micros,
        power_watts: attributes.power_watts,
        cordoned: view.admission != Admission::Open,
        drain_deadline: match view.admission {
            Admission::Draining { deadline } => deadline.map(time::from_model),
            Admission::Open | Admission::Cordoned => None,
        },
        address: attributes.address.as_ref().to_owned(),
        speed: f64::from(view.speed_permille) / 1_000.0,
    }
}

/// With the model of its gpus.
fn capacity(view: &NodeView) -> v1::Resources {
    let gpu_model = view.attributes.gpu_model.as_deref();
    v1::Resources {
        gpu_model: gpu_model.unwrap_or_default().to_owned(),
        ..resources_to_wire(&view.capacity)
    }
}

/// From the wire; `None` for an unknown or unspecified state.
pub fn state_to_model(state: v1::NodeState) -> Option<NodeState> {
    NodeState::ALL
        .iter()
        .copied()
        .find(|candidate| node_state(*candidate) == state)
}

fn node_state(state: NodeState) -> v1::NodeState {
    match state {
        NodeState::Ready => v1::NodeState::Ready,
        NodeState::Disconnected => v1::NodeState::Disconnected,
        NodeState::Lost => v1::NodeState::Lost,
        NodeState::Quarantined => v1::NodeState::Quarantined,
        NodeState::Leaving => v1::NodeState::Leaving,
        NodeState::Left => v1::NodeState::Left,
        NodeState::Cordoned => v1::NodeState::Cordoned,
        NodeState::Draining => v1::NodeState::Draining,
    }
}
