//! What operators say of nodes, and what becomes of it.

#[path = "nodes/admission.rs"]
mod admission;
#[allow(dead_code, reason = "made for the store's tests")]
#[path = "store_conformance/databases.rs"]
mod databases;
#[path = "nodes/resources.rs"]
mod resources;
mod support;

use std::collections::BTreeMap;

use admission::{
    a_cordoned_node_gets_nothing_until_it_is_uncordoned,
    a_drain_ends_on_time_although_the_coordinator_was_restarted,
};
use databases::Database;
use drover_coordinator::Handle;
use drover_proto::{time, v1};
use resources::resources_are_told_by_node_class_and_cluster;
use support::{FakeAgent, join, nodes, refusal, start_on};
use tonic::Code;
use tonic_types::StatusExt as _;

/// Runs each of these on both databases.
macro_rules! on_both {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $test() { crate::databases::on_sqlite(crate::$test).await; })+
        }
        mod postgres {
            $(#[tokio::test] async fn $test() { crate::databases::on_postgres(crate::$test).await; })+
        }
    };
}

on_both! {
    what_operators_say_survives_a_restart_and_can_be_taken_back,
    a_cordoned_node_gets_nothing_until_it_is_uncordoned,
    a_drain_ends_on_time_although_the_coordinator_was_restarted,
    what_makes_no_sense_is_refused_and_changes_nothing,
    resources_are_told_by_node_class_and_cluster,
}

fn named(labels: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    labels.iter().map(owned).collect()
}

fn well_known(node: &str) -> v1::Join {
    v1::Join {
        attributes: Some(v1::NodeAttributes {
            class: v1::NodeClass::Cloud.into(),
            region: "eu".to_owned(),
            labels: named(&[("disk", "hdd"), ("rack", "7")]),
            latency_ms: 5,
            cost_per_hour_micros: 100,
            power_watts: 200,
            address: "10.0.0.1".to_owned(),
        }),
        ..join(node, 4_000)
    }
}

async fn node(handle: &Handle, name: &str) -> v1::Node {
    let request = v1::GetNodeRequest {
        name: name.to_owned(),
    };
    nodes(handle).await.get(request).await.unwrap().into_inner()
}

async fn cordon(handle: &Handle, name: &str) -> v1::Node {
    let request = v1::CordonNodeRequest {
        name: name.to_owned(),
    };
    let cordoned = nodes(handle).await.cordon(request).await.unwrap();
    cordoned.into_inner()
}

async fn uncordon(handle: &Handle, name: &str) -> v1::Node {
    let request = v1::UncordonNodeRequest {
        name: name.to_owned(),
    };
    let uncordoned = nodes(handle).await.uncordon(request).await.unwrap();
    uncordoned.into_inner()
}

/// What `Set` decides.
fn attributes(node: &v1::Node) -> impl PartialEq + std::fmt::Debug {
    (
        (node.class(), node.region.clone(), node.labels.clone()),
        (node.latency_ms, node.cost_per_hour_micros, node.power_watts),
        node.capacity.as_ref().unwrap().gpu_model.clone(),
        node.address.clone(),
    )
}

async fn what_operators_say_survives_a_restart_and_can_be_taken_back(database: Database) {
    let handle = start_on(&database.url).await;
    let agent = FakeAgent::join(&handle, well_known("n1")).await.unwrap();
    let as_given = node(&handle, "n1").await;
    let set = v1::SetNodeRequest {
        name: "n1".to_owned(),
        class: v1::NodeClass::Gpu.into(),
        region: Some(String::new()),
        labels: named(&[("disk", "ssd")]),
        remove_labels: vec!["rack".to_owned()],
        cost_per_hour_micros: Some(300),
        gpu_model: Some("h100".to_owned()),
        ..Default::default()
    };
    let answer = nodes(&handle).await.set(set).await.unwrap().into_inner();
    let expected = v1::Node {
        class: v1::NodeClass::Gpu.into(),
        region: String::new(),
        labels: named(&[("disk", "ssd")]),
        cost_per_hour_micros: 300,
        capacity: Some(v1::Resources {
            gpu_model: "h100".to_owned(),
            ..as_given.capacity.clone().unwrap()
        }),
        ..as_given.clone()
    };
    assert_eq!(attributes(&answer), attributes(&expected));
    drop(agent);
    handle.shutdown().await.unwrap();

    let again = start_on(&database.url).await;
    assert_eq!(attributes(&node(&again, "n1").await), attributes(&expected));
    let _agent = FakeAgent::join(&again, well_known("n1")).await.unwrap();
    assert_eq!(attributes(&node(&again, "n1").await), attributes(&expected));
    let later = v1::SetNodeRequest {
        name: "n1".to_owned(),
        power_watts: Some(1),
        ..Default::default()
    };
    let answer = nodes(&again).await.set(later).await.unwrap().into_inner();
    let more = v1::Node {
        power_watts: 1,
        ..expected
    };
    assert_eq!(attributes(&answer), attributes(&more));
    let reset = v1::SetNodeRequest {
        name: "n1".to_owned(),
        reset: true,
        latency_ms: Some(9),
        ..Default::default()
    };
    let answer = nodes(&again).await.set(reset).await.unwrap().into_inner();
    let expected = v1::Node {
        latency_ms: 9,
        ..as_given
    };
    assert_eq!(attributes(&answer), attributes(&expected));
}

async fn what_makes_no_sense_is_refused_and_changes_nothing(database: Database) {
    let handle = start_on(&database.url).await;
    let _agent = FakeAgent::join(&handle, well_known("n1")).await.unwrap();
    let before = node(&handle, "n1").await;
    let mut nodes = nodes(&handle).await;
    let wrong = v1::SetNodeRequest {
        name: "n1".to_owned(),
        class: 99,
        region: Some("e\0u".to_owned()),
        labels: named(&[("disk", &"x".repeat(100_000))]),
        latency_ms: Some(1),
        cost_per_hour_micros: Some(u64::MAX),
        ..Default::default()
    };
    let refused = nodes.set(wrong).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let details = refused.get_error_details();
    let violations = &details.bad_request().unwrap().field_violations;
    let fields: Vec<&str> = violations.iter().map(|found| &*found.field).collect();
    for field in [
        "class",
        "region",
        "labels[\"disk\"]",
        "cost_per_hour_micros",
    ] {
        assert!(fields.contains(&field), "{field}: {violations:?}");
    }
    for seconds in [-1, 31 * 24 * 60 * 60] {
        let mut after = time::duration(0);
        after.seconds = seconds;
        let drain = v1::DrainNodeRequest {
            name: "n1".to_owned(),
            deadline_after: Some(after),
        };
        let refused = nodes.drain(drain).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{seconds}");
    }
    let unknown = || "n\0 2".to_owned();
    let set = v1::SetNodeRequest {
        name: unknown(),
        latency_ms: Some(1),
        ..Default::default()
    };
    let cordon = v1::CordonNodeRequest { name: unknown() };
    let uncordon = v1::UncordonNodeRequest { name: unknown() };
    let drain = v1::DrainNodeRequest {
        name: unknown(),
        ..Default::default()
    };
    for refused in [
        nodes.set(set).await,
        nodes.cordon(cordon).await,
        nodes.uncordon(uncordon).await,
        nodes.drain(drain).await,
    ] {
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound);
        assert_eq!(refusal(&refused).0, "NODE_NOT_FOUND");
    }
    handle.shutdown().await.unwrap();
    let again = start_on(&database.url).await;
    let list = support::nodes(&again)
        .await
        .list(v1::ListNodesRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(list.nodes.len(), 1);
    assert_eq!(attributes(&list.nodes[0]), attributes(&before));
    assert!(!list.nodes[0].cordoned);
}
