//! How many nodes are looked at: the work of placing does not grow with the cluster.

use std::cell::Cell;

use super::{NODES_COMPARED, Search, Site, sites};
use crate::{
    Admission, Constraints, NodeAttributes, NodeOverrides, NodeRow, Priority, Resources, SessionId,
    Timestamp, Topology, Weights,
    cluster::{
        fit::GangFit,
        node::{Link, Node, NodeSlot},
        nodes::Nodes,
    },
    estimate::Estimator,
};

const NODES: u64 = 1_000;
const KINDS: u64 = 20;
const NODE_CPUS: u64 = 4;

/// Empty nodes of several kinds in half as many regions, with addresses of their own.
fn nodes() -> Nodes {
    let mut nodes = Nodes::default();
    for number in 0..NODES {
        let kind = number % KINDS;
        let row = NodeRow {
            name: format!("node-{number}").into(),
            incarnation: 1,
            agent_version: "test".into(),
            capacity: Resources {
                cpu_millis: NODE_CPUS * 1000,
                ..Resources::ZERO
            },
            given: NodeAttributes {
                region: Some(format!("region-{}", kind / 2).into()),
                cost_per_hour_micros: kind,
                address: format!("10.0.0.{number}").into(),
                ..NodeAttributes::default()
            },
            overrides: NodeOverrides::default(),
            admission: Admission::Open,
            joined_at: Timestamp(0),
        };
        let link = Link::Connected(SessionId(number));
        nodes.insert(Node::new(row, link, Timestamp(0)));
    }
    nodes
}

/// Looks with a demand of so many cpus; returns at how many nodes it looked.
fn look(cpus: u64, look: impl FnOnce(&Search<'_>, &[Site], &dyn Fn(NodeSlot))) -> usize {
    let nodes = nodes();
    let (weights, constraints) = (Weights::default(), Constraints::default());
    let demand = Resources {
        cpu_millis: cpus * 1000,
        ..Resources::ZERO
    };
    let estimator = Estimator::default();
    let search = Search {
        nodes: &nodes,
        weights: &weights,
        demand: &demand,
        constraints: &constraints,
        priority: Priority::NORMAL,
        shunned: &[],
        near: None,
        speeds: estimator.speeds(0),
    };
    let sites = sites(&nodes, &constraints, &weights);
    assert_eq!(sites.len() as u64, KINDS);
    let looks = Cell::new(0);
    look(&search, &sites, &|_| looks.set(looks.get() + 1));
    looks.get()
}

#[test]
fn one_task_looks_at_few_of_many_nodes() {
    let looks = look(1, |search, sites, note| {
        let found = search.among_sites(sites, |node| {
            note(node);
            true
        });
        let compared = usize::from(found.expect("nodes are free").compared);
        assert!((2..=NODES_COMPARED).contains(&compared), "{compared}");
    });
    assert!(looks <= NODES_COMPARED, "{looks}");
}

#[test]
fn a_gang_looks_at_as_many_nodes_as_it_needs() {
    let regions = KINDS as usize / 2;
    for (topology, size, regions) in [
        (Topology::Any, 8, 1),
        (Topology::Any, 100, 1),
        (Topology::SameRegion, 8, regions),
        (Topology::SameRegion, 100, regions),
        (Topology::Ring, 8, regions),
        (Topology::Ring, 700, regions),
    ] {
        // One member fills a node.
        let looks = look(NODE_CPUS, |search, sites, note| {
            let gang = GangFit { size, topology };
            let found = search.for_gang(gang, sites, |node| {
                note(node);
                1
            });
            assert_eq!(found.expect("nodes are free").places.len(), size as usize);
        });
        let needed = (size as usize).min(NODES as usize / regions);
        let most = regions * (NODES_COMPARED + needed + 1);
        assert!(looks <= most, "{topology:?} of {size}: {looks}");
    }
}
