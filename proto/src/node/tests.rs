use std::collections::BTreeMap;

use drover_model::{NodeAttributes, NodeChange, NodeClass, NodeOverrides, Resources, Timestamp};
use pbjson_types::Duration;

use super::*;

fn view(name: &str, state: NodeState) -> NodeView {
    NodeView {
        name: name.into(),
        state,
        quarantined_until: None,
        losses: 0,
        capacity: Resources {
            cpu_millis: 8_000,
            memory_bytes: 1 << 30,
            gpus: 2,
            disk_bytes: 5,
            named: vec![("license".into(), 3)],
        },
        free: Resources {
            cpu_millis: 6_000,
            ..Resources::ZERO
        },
        attributes: NodeAttributes::default(),
        admission: Admission::Open,
        agent_version: "1.2".into(),
        active_attempts: 3,
        cpu_permille: 250,
        memory_permille: 1_000,
        last_heard: Timestamp(1_500),
        speed_permille: 2_000,
    }
}

#[test]
fn a_node_keeps_its_numbers() {
    let view = NodeView {
        quarantined_until: Some(Timestamp(60_000)),
        losses: 4,
        admission: Admission::Draining {
            deadline: Some(Timestamp(90_000)),
        },
        attributes: NodeAttributes {
            class: NodeClass::Gpu,
            region: Some("eu".into()),
            labels: BTreeMap::from([("zone".to_owned(), "a".to_owned())]),
            latency_ms: 20,
            cost_per_hour_micros: 1_250_000,
            power_watts: 300,
            gpu_model: Some("h200".into()),
            address: "10.0.0.1".into(),
        },
        ..view("n1", NodeState::Quarantined)
    };
    let capacity = view.capacity.clone();
    let wire = node(view);
    assert_eq!(wire.state(), v1::NodeState::Quarantined);
    assert_eq!(wire.quarantined_until_time.unwrap().seconds, 60);
    assert_eq!(wire.recent_losses, 4);
    let shown = wire.capacity.as_ref().unwrap();
    assert_eq!((&*shown.gpu_model, shown.custom["license"]), ("h200", 3));
    assert_eq!(shown.cpu_millis, capacity.cpu_millis);
    assert_eq!(wire.free.as_ref().unwrap().cpu_millis, 6_000);
    assert_eq!((wire.cpu_utilization, wire.memory_utilization), (0.25, 1.0));
    assert_eq!(wire.last_heard_time.unwrap().nanos, 500_000_000);
    assert_eq!(wire.labels["zone"], "a");
    assert_eq!(wire.active_attempts, 3);
    assert_eq!(wire.class(), v1::NodeClass::Gpu);
    assert_eq!((&*wire.region, &*wire.address), ("eu", "10.0.0.1"));
    assert_eq!((wire.latency_ms, wire.power_watts), (20, 300));
    assert_eq!(wire.cost_per_hour_micros, 1_250_000);
    assert!((wire.speed - 2.0).abs() < f64::EPSILON);
    assert!(wire.cordoned);
    assert_eq!(wire.drain_deadline.unwrap().seconds, 90);
}

#[test]
fn resources_are_summed_and_only_ready_nodes_have_any_to_give() {
    let mut edge = view("edge", NodeState::Ready);
    edge.attributes.class = NodeClass::Edge;
    let views = [
        view("a", NodeState::Ready),
        view("b", NodeState::Cordoned),
        edge,
        view("gone", NodeState::Left),
    ];
    let sums = resources(&views);
    let available: Vec<u64> = sums
        .nodes
        .iter()
        .map(|node| node.available.as_ref().unwrap().cpu_millis)
        .collect();
    assert_eq!(available, [6_000, 0, 6_000, 0]);
    let classes: Vec<_> = sums
        .classes
        .iter()
        .map(|class| (class.class(), class.nodes, class.ready_nodes))
        .collect();
    assert_eq!(
        classes,
        [(v1::NodeClass::Edge, 1, 1), (v1::NodeClass::Cloud, 2, 1)]
    );
    let all = sums.cluster.unwrap();
    assert_eq!((all.nodes, all.ready_nodes), (3, 2));
    assert_eq!(all.capacity.as_ref().unwrap().cpu_millis, 24_000);
    assert_eq!(all.capacity.unwrap().custom["license"], 9);
    assert_eq!(all.used.unwrap().cpu_millis, 6_000);
    assert_eq!(all.available.unwrap().cpu_millis, 12_000);
}

#[test]
fn sums_that_agents_make_too_large_stay_at_the_most() {
    let mut huge = view("a", NodeState::Ready);
    huge.capacity.cpu_millis = u64::MAX;
    let sums = resources(&[huge.clone(), huge]);
    let capacity = sums.cluster.unwrap().capacity.unwrap();
    assert_eq!(capacity.cpu_millis, u64::MAX);
}

fn request() -> v1::SetNodeRequest {
    v1::SetNodeRequest {
        name: "n1".to_owned(),
        ..Default::default()
    }
}

#[test]
fn what_an_operator_says_overrides() {
    let change = set(v1::SetNodeRequest {
        class: v1::NodeClass::Edge.into(),
        region: Some(String::new()),
        labels: BTreeMap::from([("disk".to_owned(), "ssd".to_owned())]),
        remove_labels: vec!["rack".to_owned()],
        cost_per_hour_micros: Some(7),
        ..request()
    });
    let Ok(NodeChange::Override(overrides)) = change else {
        panic!("an override, not {change:?}");
    };
    assert_eq!(overrides.class, Some(NodeClass::Edge));
    assert_eq!(overrides.region.as_deref(), Some(""));
    assert_eq!(overrides.labels["disk"], "ssd");
    assert!(overrides.without_labels.contains("rack"));
    assert_eq!(overrides.cost_per_hour_micros, Some(7));
    assert_eq!((overrides.latency_ms, overrides.power_watts), (None, None));
    let reset = v1::SetNodeRequest {
        reset: true,
        ..request()
    };
    assert_eq!(
        set(reset),
        Ok(NodeChange::Replace(Box::<NodeOverrides>::default()))
    );
}

#[test]
fn what_an_operator_may_not_say_is_named() {
    let refused = |request| -> Vec<String> {
        let problems = set(request).expect_err("a bad request");
        problems.iter().map(ToString::to_string).collect()
    };
    let wrong = v1::SetNodeRequest {
        class: 9,
        latency_ms: Some(u32::MAX),
        cost_per_hour_micros: Some(u64::MAX),
        power_watts: Some(u32::MAX),
        region: Some("e\0u".to_owned()),
        labels: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
        remove_labels: vec!["a".to_owned(), String::new()],
        ..request()
    };
    let problems = refused(wrong);
    for words in [
        "class: is an unknown class",
        "region: holds a NUL byte",
        "remove_labels[1]: must have a name",
        "latency_ms: must be at most",
        "cost_per_hour_micros: must be at most",
        "power_watts: must be at most",
        "labels[\"a\"]: stands in `remove_labels` as well",
    ] {
        let is_said = problems.iter().any(|problem| problem.starts_with(words));
        assert!(is_said, "{words}: {problems:?}");
    }
    assert_eq!(problems.len(), 7, "{problems:?}");
    assert!(refused(request())[0].contains("nothing is said of the node"));
}

#[test]
fn a_drain_has_a_deadline_within_a_month() {
    let drained = |seconds| {
        drain(&v1::DrainNodeRequest {
            name: "n1".to_owned(),
            deadline_after: Some(Duration { seconds, nanos: 0 }),
        })
    };
    let after_ms = Some(600_000);
    assert_eq!(drained(600), Ok(NodeChange::Drain { after_ms }));
    for seconds in [-1, 31 * 86_400] {
        assert_eq!(drained(seconds).unwrap_err()[0].field, "deadline_after");
    }
    let open = drain(&v1::DrainNodeRequest::default());
    assert_eq!(open, Ok(NodeChange::Drain { after_ms: None }));
}
