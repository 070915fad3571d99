//! Whatever the network, the clock and the host do: ends are reported in order and none is missing, what ended is not
//! forgotten by a crash, and nothing outlives the lease that must not.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{
    Elapsed, Input, Output, Session,
    tests::{LEASE_MS, assign_at, end, join_at, key, recovered, step, welcome},
};
use crate::{AttemptKey, OnDisconnect, Outcome, Report, ReportBatch, ReportKind, Timestamp};

const TASKS: u32 = 40;

#[derive(Clone, Debug)]
enum Act {
    Assign(u32),
    Start(u32),
    End(u32),
    Flush,
    Acknowledge,
    LoseAcknowledgement,
    Beat,
    AcknowledgeBeat,
    Pass(u64),
    Reconnect,
    /// `kill -9` of the agent, and a new incarnation.
    Crash,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => (0..TASKS).prop_map(Act::Assign),
        6 => (0..TASKS).prop_map(Act::Start),
        12 => (0..TASKS).prop_map(Act::End),
        6 => Just(Act::Flush),
        4 => Just(Act::Acknowledge),
        2 => Just(Act::LoseAcknowledgement),
        4 => Just(Act::Beat),
        4 => Just(Act::AcknowledgeBeat),
        4 => (0..LEASE_MS).prop_map(Act::Pass),
        2 => Just(Act::Reconnect),
        1 => Just(Act::Crash),
    ]
}

/// Every other task must not outlive the lease.
fn rule(task: u32) -> OnDisconnect {
    if task.is_multiple_of(2) {
        OnDisconnect::Stop
    } else {
        OnDisconnect::Keep
    }
}

/// A coordinator that believes nothing: it keeps every report by its number.
#[derive(Default)]
struct Coordinator {
    /// Of the present incarnation.
    reports: BTreeMap<u64, Report>,
    received: u64,
    acknowledged: u64,
    /// Of all incarnations, in the order of their arrival.
    ends: Vec<(AttemptKey, Outcome)>,
}

impl Coordinator {
    fn receive(&mut self, batch: ReportBatch) {
        let first = batch.sequence - batch.reports.len() as u64 + 1;
        assert!(first <= self.received + 1, "a gap before {first}");
        for (number, report) in (first..).zip(batch.reports) {
            if let ReportKind::Ended { outcome, .. } = report.what {
                self.learn(report.key, outcome);
            }
            let before = self.reports.insert(number, report.clone());
            assert!(before.is_none_or(|before| before == report));
            self.received = self.received.max(number);
        }
    }

    fn learn(&mut self, key: AttemptKey, outcome: Outcome) {
        match self.ends.iter().find(|(known, _)| *known == key) {
            Some((_, before)) => assert_eq!(*before, outcome, "{key:?} ends in one way"),
            None => self.ends.push((key, outcome)),
        }
    }
}

struct World {
    session: Session,
    coordinator: Coordinator,
    journal: Vec<Report>,
    now: u64,
    /// Sendings of this connection that were not acknowledged.
    beats: Vec<u64>,
    sent: u64,
    /// The last sending that was acknowledged.
    heard: u64,
    accepted: BTreeSet<u32>,
    refused: BTreeSet<u32>,
    /// Accepted by an incarnation before.
    gone: BTreeSet<u32>,
    running: BTreeSet<u32>,
    /// Told to stop.
    fenced: BTreeSet<u32>,
    ended: Vec<(AttemptKey, Outcome)>,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            session: recovered(1_000, vec![]),
            coordinator: Coordinator::default(),
            journal: Vec::new(),
            now: 0,
            beats: Vec::new(),
            sent: 0,
            heard: 0,
            accepted: BTreeSet::new(),
            refused: BTreeSet::new(),
            gone: BTreeSet::new(),
            running: BTreeSet::new(),
            fenced: BTreeSet::new(),
            ended: Vec::new(),
        };
        world.connect();
        world
    }

    fn connect(&mut self) {
        let join = join_at(&mut self.session, self.now);
        let running: Vec<_> = self.running.iter().map(|task| key(*task)).collect();
        assert_eq!(join.running, running);
        self.coordinator.receive(join.reports);
        step(&mut self.session, welcome(1, vec![]));
        self.heard = self.now;
        (self.sent, self.beats) = (0, Vec::new());
    }

    fn perform(&mut self, act: &Act) {
        match *act {
            Act::Assign(task) => self.assign(task),
            Act::Start(task) if self.running.contains(&task) => {
                let at = Timestamp(1);
                step(&mut self.session, Input::Started { key: key(task), at });
            }
            Act::End(task) if self.running.remove(&task) => self.end(task),
            Act::Start(_) | Act::End(_) => {}
            Act::Flush => self.flush(),
            Act::Acknowledge => {
                let sequence = self.coordinator.received;
                self.coordinator.acknowledged = sequence;
                let outputs = step(&mut self.session, Input::Acknowledged { sequence });
                if outputs == [Output::JournalEmpty] {
                    self.journal.clear();
                }
            }
            Act::LoseAcknowledgement => self.coordinator.acknowledged = self.coordinator.received,
            Act::Beat => self.beat(),
            Act::AcknowledgeBeat => self.acknowledge_beat(),
            Act::Pass(milliseconds) => self.now += milliseconds,
            Act::Reconnect => {
                step(&mut self.session, Input::Disconnected);
                self.connect();
            }
            Act::Crash => self.crash(),
        }
        self.keep_the_lease();
        let refused: Vec<_> = self.refused.iter().map(|task| key(*task)).collect();
        for report in self.session.unacknowledged() {
            assert!(self.journal.contains(report) || refused.contains(&report.key));
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
        if over || self.refused.contains(&task) || self.gone.contains(&task) {
            return;
        }
        let outputs = step(&mut self.session, assign_at(task, rule(task), self.now));
        if self.accepted.contains(&task) {
            assert_eq!(outputs, []);
        } else if rule(task) == OnDisconnect::Stop && self.now >= self.heard + LEASE_MS {
            assert_eq!(outputs, [], "no start after the lease");
            self.refused.insert(task);
        } else {
            assert!(matches!(outputs[..], [Output::Start(_)]));
            self.accepted.insert(task);
            self.running.insert(task);
        }
    }

    fn end(&mut self, task: u32) {
        let outcome = if self.fenced.remove(&task) {
            Outcome::Fenced
        } else {
            Outcome::Succeeded
        };
        self.ended.push((key(task), outcome));
        match step(&mut self.session, end(task)).remove(0) {
            Output::Journal(report) => self.journal.push(report),
            other => panic!("an end is journaled, not {other:?}"),
        }
    }

    fn beat(&mut self) {
        let beat = Input::HeartbeatDue {
            now: Elapsed(self.now),
            cpu_permille: 0,
            memory_permille: 0,
        };
        if let [Output::Heartbeat { number, .. }] = step(&mut self.session, beat)[..] {
            self.beats.push(self.now);
            self.sent = number;
        }
    }

    fn acknowledge_beat(&mut self) {
        let number = self.sent;
        if let Some(last) = self.beats.drain(..).next_back() {
            self.heard = last;
            step(&mut self.session, Input::HeartbeatAcknowledged { number });
        }
    }

    /// What the agent's timer does, and what must follow.
    fn keep_the_lease(&mut self) {
        let mut stopped = BTreeSet::new();
        if self
            .session
            .lease_end()
            .is_some_and(|end| end <= Elapsed(self.now))
        {
            let now = Elapsed(self.now);
            for output in step(&mut self.session, Input::LeaseOver { now }) {
                match output {
                    Output::Stop {
                        key,
                        grace_ms: 2_500,
                    } => stopped.insert(key.task),
                    other => panic!("only stops follow, not {other:?}"),
                };
            }
        }
        let over = self.now >= self.heard + LEASE_MS;
        let leased = |task: &&u32| rule(**task) == OnDisconnect::Stop;
        let expected: BTreeSet<u32> = self.running.iter().filter(leased).copied().collect();
        let expected = expected.difference(&self.fenced).filter(|_| over);
        assert!(stopped.iter().eq(expected), "{stopped:?}");
        self.fenced.append(&mut stopped);
    }

    /// The processes die with the agent.
    fn crash(&mut self) {
        self.running.clear();
        self.fenced.clear();
        self.session = recovered(1_000, self.journal.clone());
        self.coordinator.reports.clear();
        (self.coordinator.received, self.coordinator.acknowledged) = (0, 0);
        // The coordinator loses what ran, and never assigns the same attempt again.
        self.gone.extend(&self.accepted);
        self.connect();
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
        let refused = |(key, outcome): &&(AttemptKey, Outcome)| {
            world.refused.contains(&key.task) && *outcome == Outcome::Fenced
        };
        let arrived: Vec<_> = world.coordinator.ends.iter().filter(|end| !refused(end)).collect();
        let ended: Vec<_> = world.ended.iter().filter(|end| !refused(end)).collect();
        prop_assert_eq!(arrived, ended);
        world.perform(&Act::Acknowledge);
        prop_assert!(world.session.is_settled());
    }
}
