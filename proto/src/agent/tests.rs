use std::collections::BTreeMap;

use bytes::Bytes;
use drover_model::{
    Assignment, AttemptKey, Epoch, Instance, InstanceOf, JobId, Join, NodeAttributes, NodeClass,
    OnDisconnect, Outcome, Peers, Report, ReportBatch, ReportKind, Resources, Timestamp,
    session::Welcome,
};

use super::{
    assign_from_wire, assign_to_wire, check_node_name, join_from_wire, join_to_wire, key_from_wire,
    key_to_wire, reports_from_wire, reports_to_wire, resources_from_wire, stop_from_wire,
    stop_to_wire, welcome_from_wire, welcome_to_wire,
};
use crate::v1;

fn key(attempt: u32) -> AttemptKey {
    AttemptKey {
        job: JobId::from_u128(0xfeed),
        task: 3,
        attempt,
    }
}

fn ended(message: &str) -> ReportBatch {
    ReportBatch {
        sequence: 9,
        reports: vec![
            Report {
                key: key(1),
                what: ReportKind::Started { at: Timestamp(5) },
            },
            Report {
                key: key(1),
                what: ReportKind::Ended {
                    started_at: Timestamp(5),
                    ended_at: Timestamp(8),
                    outcome: Outcome::Failed,
                    exit_code: Some(-1),
                    message: Some(message.into()),
                },
            },
        ],
    }
}

fn join() -> Join {
    Join {
        node: "n1".into(),
        incarnation: 7,
        agent_version: "0.1.0".into(),
        capacity: Resources {
            cpu_millis: 4_000,
            memory_bytes: 1 << 30,
            gpus: 1,
            disk_bytes: 5,
            named: vec![("license".into(), 2)],
        },
        attributes: NodeAttributes {
            class: NodeClass::Gpu,
            region: Some("eu".into()),
            labels: BTreeMap::from([("zone".to_owned(), "a".to_owned())]),
            latency_ms: 7,
            cost_per_hour_micros: 1_250_000,
            power_watts: 300,
            gpu_model: Some("h200".into()),
            address: "10.0.0.1".into(),
        },
        running: vec![key(2)],
        reports: ended("why"),
    }
}

#[test]
fn a_join_survives_the_wire() {
    assert_eq!(join_from_wire(join_to_wire(join())), Ok(join()));
}

#[test]
fn an_assignment_survives_the_wire() {
    let member = |ring| Instance {
        index: 1,
        count: 2,
        of: InstanceOf::Gang(Some(Peers {
            addresses: ["a".into(), "10.0.0.1".into()].into(),
            ring,
        })),
    };
    let of = |of| Instance {
        of,
        ..member(false)
    };
    for (traceparent, on_disconnect, instance) in [
        (None, OnDisconnect::Keep, None),
        (
            Some("00-ab-cd-01".into()),
            OnDisconnect::Stop,
            Some(of(InstanceOf::Array)),
        ),
        (None, OnDisconnect::Keep, Some(of(InstanceOf::Gang(None)))),
        (None, OnDisconnect::Keep, Some(member(false))),
        (None, OnDisconnect::Keep, Some(member(true))),
    ] {
        let assignment = Assignment {
            key: key(2),
            payload: Bytes::from_static(b"anything"),
            traceparent,
            on_disconnect,
            grace_ms: 7_000,
            instance,
        };
        assert_eq!(
            assign_from_wire(assign_to_wire(assignment.clone())),
            Ok(assignment)
        );
    }
}

#[test]
fn a_member_is_one_of_its_gang() {
    let wrong = |index, peers: &[&str]| {
        let wire = v1::Assign {
            key: Some(key_to_wire(key(1))),
            on_disconnect: v1::OnDisconnect::Keep.into(),
            index: Some(index),
            count: 2,
            peers: peers.iter().map(ToString::to_string).collect(),
            ..Default::default()
        };
        assign_from_wire(wire).unwrap_err().field
    };
    assert_eq!(wrong(2, &["a", "b"]), "index");
    assert_eq!(wrong(1, &["a"]), "peers");
}

#[test]
fn an_assignment_says_what_to_do_when_cut_off() {
    let wire = v1::Assign {
        key: Some(key_to_wire(key(1))),
        ..Default::default()
    };
    assert_eq!(assign_from_wire(wire).unwrap_err().field, "on_disconnect");
}

#[test]
fn a_welcome_survives_the_wire() {
    let welcome = Welcome {
        epoch: Epoch(3),
        heartbeat_interval_ms: 1_000,
        node_timeout_ms: 10_000,
        lease_ms: 5_000,
        fence_grace_ms: 2_500,
        discard: vec![key(2)],
    };
    assert_eq!(
        welcome_from_wire(&welcome_to_wire(welcome.clone())),
        Ok(welcome)
    );
}

#[test]
fn each_attempt_is_stopped_with_its_own_grace() {
    let stops = vec![(key(1), 5_000), (key(2), 0)];
    let mut wire = stop_to_wire(stops.clone());
    assert_eq!(stop_from_wire(wire.clone()), Ok(stops));
    wire.grace_ms.pop();
    assert_eq!(stop_from_wire(wire).unwrap_err().field, "grace_ms");
}

#[test]
fn outcomes_survive_the_wire() {
    for outcome in [
        Outcome::Succeeded,
        Outcome::Failed,
        Outcome::Stopped,
        Outcome::Stalled,
        Outcome::Fenced,
    ] {
        let mut batch = ended("why");
        let ReportKind::Ended { outcome: told, .. } = &mut batch.reports[1].what else {
            panic!("order kept");
        };
        *told = outcome;
        assert_eq!(reports_from_wire(reports_to_wire(batch.clone())), Ok(batch));
    }
}

#[test]
fn a_message_is_made_acceptable_before_it_is_sent() {
    let batch = ended(&format!("a\0b{}", "ü".repeat(600)));
    let received = reports_from_wire(reports_to_wire(batch)).expect("acceptable");
    let ReportKind::Ended { message, .. } = &received.reports[1].what else {
        panic!("order kept");
    };
    let message = message.as_deref().expect("kept");
    assert!(message.starts_with("a\u{fffd}b"), "{message}");
    assert!(message.len() <= super::TEXT_BYTES);
}

#[test]
fn broken_keys_are_refused() {
    assert!(key_from_wire(None).is_err());
    let good = key_to_wire(key(1));
    assert!(key_from_wire(Some(&good)).is_ok());
    for (field, broken) in [
        (
            "job_id",
            v1::AttemptKey {
                job_id: Bytes::from_static(b"short"),
                ..good.clone()
            },
        ),
        (
            "task",
            v1::AttemptKey {
                task: u32::MAX,
                ..good.clone()
            },
        ),
        ("attempt", v1::AttemptKey { attempt: 0, ..good }),
    ] {
        assert_eq!(key_from_wire(Some(&broken)).unwrap_err().field, field);
    }
}

#[test]
fn amounts_that_the_store_cannot_hold_are_refused() {
    let wire = v1::Resources {
        memory_bytes: 1 << 63,
        ..Default::default()
    };
    assert_eq!(
        resources_from_wire(Some(&wire)).unwrap_err().field,
        "memory_bytes"
    );
}

#[test]
fn a_sequence_below_the_number_of_reports_is_refused() {
    let mut wire = reports_to_wire(ended("x"));
    wire.sequence = 1;
    assert_eq!(reports_from_wire(wire).unwrap_err().field, "sequence");
}

#[test]
fn an_end_without_outcome_is_refused() {
    let mut wire = reports_to_wire(ended("x"));
    let Some(v1::report::What::Ended(end)) = &mut wire.reports[1].what else {
        panic!("order kept");
    };
    end.outcome = 0;
    assert_eq!(reports_from_wire(wire).unwrap_err().field, "outcome");
}

#[test]
fn names_of_nodes_are_checked() {
    assert_eq!(check_node_name("rack 1/ü"), Ok(()));
    for name in ["", " a", "a\n", &"x".repeat(101)] {
        assert!(check_node_name(name).is_err(), "{name:?}");
    }
}

#[test]
fn what_an_agent_may_not_say_of_its_host_is_refused() {
    type Wrong = fn(&mut v1::Join);
    let wrongs: [(&str, Wrong); 8] = [
        ("class", |join| said(join).class = 9),
        ("region", |join| said(join).region = "e\0u".to_owned()),
        ("latency_ms", |join| said(join).latency_ms = u32::MAX),
        ("cost_per_hour_micros", |join| {
            said(join).cost_per_hour_micros = u64::MAX;
        }),
        ("power_watts", |join| said(join).power_watts = u32::MAX),
        ("address", |join| said(join).address = "a,b".to_owned()),
        ("custom", |join| {
            let custom = &mut join.capacity.as_mut().unwrap().custom;
            custom.insert("license".to_owned(), 0);
        }),
        ("labels", |join| {
            said(join).labels = (0..101).map(|n| (n.to_string(), String::new())).collect();
        }),
    ];
    for (field, wrong) in wrongs {
        let mut wire = join_to_wire(join());
        wrong(&mut wire);
        assert_eq!(join_from_wire(wire).unwrap_err().field, field);
    }
}

fn said(join: &mut v1::Join) -> &mut v1::NodeAttributes {
    join.attributes.as_mut().expect("attributes")
}

#[test]
fn a_host_of_which_nothing_is_said_is_in_the_cloud() {
    let wire = v1::Join {
        attributes: None,
        capacity: None,
        ..join_to_wire(join())
    };
    let join = join_from_wire(wire).unwrap();
    assert_eq!(join.attributes, NodeAttributes::default());
    assert_eq!(join.capacity, Resources::ZERO);
}
