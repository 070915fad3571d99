//! Rows of nodes: what agents say, and what operators do.

use std::collections::{BTreeMap, BTreeSet};

use drover_model::{
    Admission, NodeAttributes, NodeClass, NodeOverrides, NodeRow, Resources, Timestamp,
    turn::SealedTurn,
};

use crate::{
    databases::Database,
    fixtures::{Leader, everything},
};

/// Every column set, with what is hard to carry.
pub(crate) fn node(name: &str) -> NodeRow {
    NodeRow {
        name: name.into(),
        incarnation: u64::try_from(i64::MAX).expect("positive"),
        agent_version: "0.1.0".into(),
        capacity: Resources {
            cpu_millis: 4_000,
            memory_bytes: 1 << 40,
            gpus: u32::MAX,
            disk_bytes: 7,
            named: vec![("".into(), 1), ("licence \"a\"".into(), u64::MAX)],
        },
        given: NodeAttributes {
            class: NodeClass::Gpu,
            region: Some("eu \\ north".into()),
            labels: BTreeMap::from([
                ("zone \"a\"".to_owned(), "ü".to_owned()),
                (String::new(), String::new()),
            ]),
            latency_ms: u32::MAX,
            cost_per_hour_micros: u64::MAX,
            power_watts: 3,
            gpu_model: Some("null".into()),
            address: "[::1]".into(),
        },
        overrides: NodeOverrides {
            class: Some(NodeClass::Edge),
            region: Some("".into()),
            labels: BTreeMap::from([("rack".to_owned(), "{7}".to_owned())]),
            without_labels: BTreeSet::from(["zone \"a\"".to_owned()]),
            latency_ms: Some(0),
            cost_per_hour_micros: Some(u64::MAX),
            power_watts: None,
            gpu_model: Some("🦀".into()),
        },
        admission: Admission::Draining {
            deadline: Some(Timestamp(-1)),
        },
        joined_at: Timestamp(120),
    }
}

pub(crate) async fn a_node_that_joins_again_replaces_its_row(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    let again = NodeRow {
        incarnation: 1,
        agent_version: "0.2.0".into(),
        capacity: Resources::ZERO,
        given: NodeAttributes::default(),
        overrides: NodeOverrides::default(),
        admission: Admission::Open,
        joined_at: Timestamp(999),
        ..node("n2")
    };
    for nodes in [vec![node("n2"), node("n1")], vec![again.clone()]] {
        leader
            .commit(SealedTurn {
                nodes,
                ..leader.next()
            })
            .await;
    }
    assert_eq!(
        everything(&*database.store).await.nodes,
        [node("n1"), again]
    );
}

pub(crate) async fn every_admission_survives(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    let admissions = [
        Admission::Open,
        Admission::Cordoned,
        Admission::Draining { deadline: None },
        Admission::Draining {
            deadline: Some(Timestamp(5)),
        },
    ];
    for admission in admissions {
        let row = NodeRow {
            admission,
            ..node("n1")
        };
        leader
            .commit(SealedTurn {
                nodes: vec![row.clone()],
                ..leader.next()
            })
            .await;
        assert_eq!(everything(&*database.store).await.nodes, [row]);
    }
}
