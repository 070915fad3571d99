use drover_model::{JobId, Position, Resource};

use crate::v1;

use super::*;

fn says(reason: &PendingReason) -> String {
    let tasks = [v1::TaskSpec {
        name: "a".to_owned(),
        ..Default::default()
    }];
    words(reason, &Places::of(&tasks), false)
}

fn fits_nowhere(resource: Resource, wanted: u64, largest: u64) -> String {
    says(&PendingReason::NoNodeFits {
        resource,
        wanted,
        largest,
    })
}

#[test]
fn dependencies_are_named() {
    let says = |unmet| says(&PendingReason::Dependency { task: 0, unmet });
    assert_eq!(says(1), "waits for task `a`");
    assert_eq!(says(2), "waits for task `a` and 1 more");
    assert_eq!(says(5), "waits for task `a` and 4 more");
}

#[test]
fn what_fits_nowhere_is_said_with_numbers() {
    assert_eq!(
        fits_nowhere(Resource::Cpu, 64_000, 8_000),
        "no node has 64 cpu: the largest has 8"
    );
    assert_eq!(
        fits_nowhere(Resource::Cpu, 1_250, 500),
        "no node has 1.25 cpu: the largest has 0.5"
    );
    assert_eq!(
        fits_nowhere(Resource::Memory, 64 << 30, 8_053_063_680),
        "no node has 64 GiB memory: the largest has 7.5 GiB"
    );
    assert_eq!(
        fits_nowhere(Resource::Gpu, 1, 0),
        "no node has 1 gpu: the largest has 0"
    );
    assert_eq!(
        fits_nowhere(Resource::Disk, u64::MAX, 1_023),
        "no node has 15.9 EiB disk: the largest has 1023 B"
    );
}

#[test]
fn places_in_line_are_words_then_numbers() {
    let says = |position| {
        says(&PendingReason::Outranked {
            position: Some(Position(position)),
            policy: "edf".into(),
        })
    };
    assert_eq!(says(3), "third in the order of edf");
    assert_eq!(says(11), "number 11 in the order of edf");
    assert_eq!(says(10_000), "beyond place 10000 in the order of edf");
}

#[test]
fn a_place_that_nobody_knows_is_not_told() {
    let outranked = PendingReason::Outranked {
        position: None,
        policy: "learned".into(),
    };
    let told = "others come before it in the order of learned";
    assert_eq!(says(&outranked), told);
    let waits = PendingReason::WaitsForCapacity {
        resource: Resource::Cpu,
        position: None,
        reserved: Some((vec!["n1".into()], Timestamp(45_296_000))),
    };
    let told = "waits for cpu; node `n1` is reserved from about 12:34:56 UTC";
    assert_eq!(says(&waits), told);
}

#[test]
fn waiting_and_reservations_are_told() {
    assert_eq!(
        says(&PendingReason::WaitsForCapacity {
            resource: Resource::Cpu,
            position: Some(Position(1)),
            reserved: Some((vec!["n1".into()], Timestamp(45_296_000))),
        }),
        "waits for cpu, first in line; node `n1` is reserved from about 12:34:56 UTC"
    );
    assert_eq!(
        says(&PendingReason::Backoff {
            until: Timestamp(1_000)
        }),
        "waits to be tried again at 00:00:01 UTC"
    );
    assert_eq!(
        says(&PendingReason::NoNodes),
        "no agent is connected that takes new work"
    );
    assert_eq!(
        says(&PendingReason::Finally),
        "runs when everything else has ended"
    );
    assert_eq!(
        says(&PendingReason::Quarantined {
            until: Timestamp(60_000)
        }),
        "every node that has room for it is quarantined, the first until 00:01:00 UTC"
    );
    assert!(
        says(&PendingReason::HeldForReservation {
            job: JobId::from_u128(7),
            task: 0
        })
        .contains("would delay job 00000000")
    );
}

#[test]
fn constraints_that_no_node_meets_are_said_with_words_and_numbers() {
    let unmet = |unmet, nodes| says(&PendingReason::ConstraintUnmet { unmet, nodes });
    assert_eq!(
        unmet(Unmet::Required("class == gpu".to_owned()), 3),
        "no node satisfies `class == gpu` (3 nodes are connected)"
    );
    assert_eq!(
        unmet(Unmet::MaxLatency { limit_ms: 20 }, 1),
        "no node has a latency of at most 20 ms (1 node is connected)"
    );
    assert_eq!(
        unmet(Unmet::GpuModel("h200".into()), 2),
        "no node has gpus of the model `h200` (2 nodes are connected)"
    );
    assert_eq!(
        unmet(Unmet::Avoided, 2),
        "no node is left that it does not avoid (2 nodes are connected)"
    );
    assert_eq!(
        says(&PendingReason::Draining { nodes: 2 }),
        "every node on which it could run gets nothing new: 2 are cordoned, drained or leaving"
    );
    assert_eq!(
        fits_nowhere(Resource::Named("license".into()), 3, 2),
        "no node has 3 license: the largest has 2"
    );
}

#[test]
fn groups_that_keep_apart_are_named() {
    let task = |group: &str| v1::TaskSpec {
        anti_affinity: group.to_owned(),
        ..Default::default()
    };
    let tasks = [task("web"), task(""), task("db")];
    assert_eq!(
        words(
            &PendingReason::Apart { group: 1 },
            &Places::of(&tasks),
            false
        ),
        "every node with room holds a task of its anti-affinity group `db`"
    );
}

#[test]
fn what_gangs_and_arrays_wait_for_is_counted() {
    assert_eq!(
        says(&PendingReason::ArrayLimit { parallel: 4 }),
        "waits for its turn: 4 instances of its array are under way, and no more may be"
    );
    assert_eq!(
        says(&PendingReason::GangIncomplete {
            waiting: 3,
            size: 8
        }),
        "starts together with its gang, of which 3 of 8 members wait"
    );
    assert_eq!(
        says(&PendingReason::GangTooLarge {
            size: 8,
            fitting: 5
        }),
        "its gang has 8 members, of which only 5 would fit on the nodes that there are, were these empty"
    );
    assert_eq!(
        says(&PendingReason::Preempts { victims: 2 }),
        "waits for 2 less urgent attempts to make room, as asked to"
    );
    let names: Vec<NodeName> = ["a", "a", "b", "c", "d"].map(Into::into).into();
    assert_eq!(
        says(&PendingReason::WaitsForCapacity {
            resource: Resource::Gpu,
            position: Some(Position(2)),
            reserved: Some((names, Timestamp(0))),
        }),
        "waits for gpu, second in line; nodes `a`, `b`, `c` and 1 more are reserved from about 00:00:00 UTC"
    );
}
