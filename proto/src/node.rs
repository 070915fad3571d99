//! Nodes as users see them.

use drover_model::{NodeState, NodeView};

use crate::{agent::resources_to_wire, time, v1};

/// A node, for the wire.
pub fn node(view: NodeView) -> v1::Node {
    v1::Node {
        name: view.name.to_string(),
        state: node_state(view.state).into(),
        capacity: Some(resources_to_wire(&view.capacity)),
        free: Some(resources_to_wire(&view.free)),
        labels: view.labels,
        active_attempts: view.active_attempts,
        cpu_utilization: f64::from(view.cpu_permille) / 1_000.0,
        memory_utilization: f64::from(view.memory_permille) / 1_000.0,
        last_heard_time: Some(time::from_model(view.last_heard)),
        agent_version: view.agent_version.into(),
        quarantined_until_time: view.quarantined_until.map(time::from_model),
        recent_losses: view.losses,
    }
}

fn node_state(state: NodeState) -> v1::NodeState {
    match state {
        NodeState::Ready => v1::NodeState::Ready,
        NodeState::Disconnected => v1::NodeState::Disconnected,
        NodeState::Lost => v1::NodeState::Lost,
        NodeState::Quarantined => v1::NodeState::Quarantined,
        NodeState::Leaving => v1::NodeState::Leaving,
        NodeState::Left => v1::NodeState::Left,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use drover_model::{Resources, Timestamp};

    use super::*;

    #[test]
    fn a_node_keeps_its_numbers() {
        let capacity = Resources {
            cpu_millis: 8_000,
            memory_bytes: 1 << 30,
            gpus: 2,
            disk_bytes: 5,
        };
        let wire = node(NodeView {
            name: "n1".into(),
            state: NodeState::Quarantined,
            quarantined_until: Some(Timestamp(60_000)),
            losses: 4,
            capacity,
            free: Resources::ZERO,
            labels: BTreeMap::from([("zone".to_owned(), "a".to_owned())]),
            agent_version: "1.2".into(),
            active_attempts: 3,
            cpu_permille: 250,
            memory_permille: 1_000,
            last_heard: Timestamp(1_500),
        });
        assert_eq!(wire.state(), v1::NodeState::Quarantined);
        assert_eq!(wire.quarantined_until_time.unwrap().seconds, 60);
        assert_eq!(wire.recent_losses, 4);
        assert_eq!(wire.capacity, Some(resources_to_wire(&capacity)));
        assert_eq!(wire.free, Some(v1::Resources::default()));
        assert_eq!((wire.cpu_utilization, wire.memory_utilization), (0.25, 1.0));
        assert_eq!(wire.last_heard_time.unwrap().nanos, 500_000_000);
        assert_eq!(wire.labels["zone"], "a");
        assert_eq!(wire.active_attempts, 3);
    }
}
