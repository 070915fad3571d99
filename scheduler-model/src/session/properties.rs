//! Whatever the network does, ends are reported in order and none is missing.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{
    Input, Output, Session,
    tests::{assign, end, join, key, session, step, welcome},
};
use crate::{AttemptKey, Report, ReportBatch, ReportKind};

const TASKS: u32 = 12;

#[derive(Clone, Debug)]
enum Act {
    Assign(u32),
    Start(u32),
    End(u32),
    Flush,
    Acknowledge,
    LoseAcknowledgement,
    Reconnect,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..TASKS).prop_map(Act::Assign),
        3 => (0..TASKS).prop_map(Act::Start),
        3 => (0..TASKS).prop_map(Act::End),
        3 => Just(Act::Flush),
        2 => Just(Act::Acknowledge),
        1 => Just(Act::LoseAcknowledgement),
        1 => Just(Act::Reconnect),
    ]
}

/// A coordinator that believes nothing: it keeps every report by its number.
#[derive(Default)]
struct Coordinator {
    reports: BTreeMap<u64, Report>,
    received: u64,
    acknowledged: u64,
}

impl Coordinator {
    fn receive(&mut self, batch: ReportBatch) {
        let first = batch.sequence - batch.reports.len() as u64 + 1;
        assert!(first <= self.received + 1, "a gap before {first}");
        for (number, report) in (first..).zip(batch.reports) {
            let before = self.reports.insert(number, report.clone());
            assert!(before.is_none_or(|before| before == report));
            self.received = self.received.max(number);
        }
    }
}

struct World {
    session: Session,
    coordinator: Coordinator,
    accepted: BTreeSet<AttemptKey>,
    running: BTreeSet<u32>,
    ended: Vec<AttemptKey>,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            session: session(1_000),
            coordinator: Coordinator::default(),
            accepted: BTreeSet::new(),
            running: BTreeSet::new(),
            ended: Vec::new(),
        };
        world.connect();
        world
    }

    fn connect(&mut self) {
        let join = join(&mut self.session);
        let running: Vec<_> = self.running.iter().map(|task| key(*task)).collect();
        assert_eq!(join.running, running);
        self.coordinator.receive(join.reports);
        step(&mut self.session, welcome(1, vec![]));
    }

    fn perform(&mut self, act: &Act) {
        match *act {
            Act::Assign(task) => self.assign(task),
            Act::Start(task) if self.running.contains(&task) => {
                let at = crate::Timestamp(1);
                step(&mut self.session, Input::Started { key: key(task), at });
            }
            Act::End(task) if self.running.remove(&task) => {
                self.ended.push(key(task));
                step(&mut self.session, end(task));
            }
            Act::Start(_) | Act::End(_) => {}
            Act::Flush => self.flush(),
            Act::Acknowledge => {
                let sequence = self.coordinator.received;
                self.coordinator.acknowledged = sequence;
                step(&mut self.session, Input::Acknowledged { sequence });
            }
            Act::LoseAcknowledgement => self.coordinator.acknowledged = self.coordinator.received,
            Act::Reconnect => {
                step(&mut self.session, Input::Disconnected);
                self.connect();
            }
        }
    }

    /// A coordinator assigns again only what it has not acknowledged the end of.
    fn assign(&mut self, task: u32) {
        let over = self
            .coordinator
            .reports
            .range(..=self.coordinator.acknowledged)
            .any(|(_, report)| {
                report.key == key(task) && matches!(report.what, ReportKind::Ended { .. })
            });
        if over {
            return;
        }
        let outputs = step(&mut self.session, assign(task));
        if self.accepted.insert(key(task)) {
            assert!(matches!(outputs[..], [Output::Start(_)]));
            self.running.insert(task);
        } else {
            assert_eq!(outputs, []);
        }
    }

    fn flush(&mut self) {
        while let Some(batch) = self.session.take_reports() {
            self.coordinator.receive(batch);
        }
    }
}

proptest! {
    #[test]
    fn every_end_is_reported_once_and_in_order(acts in prop::collection::vec(act(), 0..200)) {
        let mut world = World::new();
        for act in &acts {
            world.perform(act);
        }
        for task in world.running.clone() {
            world.perform(&Act::End(task));
        }
        world.flush();
        let ends: Vec<_> = world
            .coordinator
            .reports
            .values()
            .filter(|report| matches!(report.what, ReportKind::Ended { .. }))
            .map(|report| report.key)
            .collect();
        prop_assert_eq!(&ends, &world.ended);
        world.perform(&Act::Acknowledge);
        prop_assert!(world.session.is_settled());
    }
}
