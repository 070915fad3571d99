//! One leadership: does what the machine says is next ([`drover_model::lead`]). As `coordinator/src/driver/leader.rs`.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    time::Duration,
};

use drover_model::{
    CallerId, Effects, Epoch, Event, JobId, SessionId, Snapshot, TaskState,
    cluster::{Cluster, Config},
    lead::{Ended, Lanes, Lead, ModelClock, Next, Room, Terms},
    record::Line,
    turn::Turn,
};
use rustc_hash::FxHashMap;

use super::panicking;
use crate::faults::{
    check::Added,
    inject::{FaultKind, PlantedBug},
    world::{World, moment::Moment, network::ConnectionId},
};

/// Far more than anything needs at one moment.
const MOST_ROUNDS: u32 = 100_000;

/// Why there is nothing more to do at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Halt {
    Rests {
        until: Moment,
    },
    Ended(Ended),
    /// A step panicked, or a decision.
    Panicked,
    /// The process is gone.
    Crashed,
}

#[derive(Debug)]
pub struct Leader {
    pub(super) lead: Lead<ConnectionId>,
    pub(super) sessions: BTreeMap<SessionId, ConnectionId>,
    /// By caller: the call that waits.
    pub(super) callers: BTreeMap<CallerId, usize>,
    pub(super) next_caller: u64,
    has_panicked: bool,
    /// States as told by transitions since the load.
    pub(super) shown: FxHashMap<(JobId, u32), TaskState>,
}

impl Leader {
    pub(super) fn new(
        world: &World<'_>,
        c: usize,
        config: Config,
        snapshot: Snapshot,
        clock: ModelClock,
    ) -> Self {
        let now = world.now.elapsed();
        let terms = Terms {
            lease: Duration::from_millis(world.setting.lease_ms),
            room: world.coordinators[c]
                .room
                .unwrap_or_else(|| Room::new(world.setting.max_open)),
        };
        let turn = Turn::new(snapshot.epoch, snapshot.turn);
        let cluster = Cluster::load(config, snapshot, clock.at(now));
        let caution = world.coordinators[c].suspicion.caution();
        Self {
            lead: Lead::new(turn, cluster, clock, terms, caution, now),
            sessions: BTreeMap::new(),
            callers: BTreeMap::new(),
            next_caller: 0,
            has_panicked: false,
            shown: FxHashMap::default(),
        }
    }

    pub fn epoch(&self) -> Epoch {
        self.lead.epoch()
    }

    /// Of sessions, and of agents whose join waits for a commit of its own.
    pub(super) fn connections(&self) -> Vec<ConnectionId> {
        let waiting = self.lead.waiting_connections();
        self.sessions.values().chain(waiting).copied().collect()
    }
}

impl World<'_> {
    /// Runs until there is nothing left to do at this moment.
    pub(super) fn lead(&mut self, c: usize, leader: &mut Leader) -> Halt {
        for _ in 0..MOST_ROUNDS {
            let landed = self.coordinators[c].landed.take();
            if let Some(halt) = landed.and_then(|answer| self.settle(c, leader, answer)) {
                return halt;
            }
            if let Some(halt) = self.trouble(c, leader) {
                return halt;
            }
            let (now, lanes) = (self.now.elapsed(), self.lanes(c));
            let Some(next) = self.survive(c, leader, |lead| lead.next(now, lanes)) else {
                return Halt::Panicked;
            };
            match next {
                Next::TakeControl => _ = self.take_control(c, leader),
                Next::TakeRequest => _ = self.take_request(c, leader),
                Next::StepControl(message) => self.step_control(c, leader, message),
                Next::Step(event) => self.step(c, leader, event),
                Next::Hear { stall } => self.hear(c, leader, stall),
                Next::Tick => self.tick(c, leader),
                Next::Commit => self.start_commit(c, leader),
                Next::Wait { until, takes } => {
                    let until = Moment::of(until);
                    if !self.goes_on(c, leader, takes) {
                        return Halt::Rests { until };
                    }
                }
                Next::End(ended) => return Halt::Ended(ended),
            }
        }
        let what = format!("coordinator {c} finds something to do for ever");
        self.checker.fail("the driver comes to rest", what);
        Halt::Rests { until: self.now }
    }

    fn lanes(&self, c: usize) -> Lanes {
        let coordinator = &self.coordinators[c];
        Lanes {
            control: coordinator.control.len(),
            requests: coordinator.requests.len(),
        }
    }

    /// What would end the wait at once.
    fn goes_on(&mut self, c: usize, leader: &mut Leader, takes: bool) -> bool {
        if self.coordinators[c].shutdown && !leader.lead.is_closing() {
            leader.lead.close();
            return true;
        }
        takes && (self.take_control(c, leader) || self.take_request(c, leader))
    }

    fn trouble(&self, c: usize, leader: &Leader) -> Option<Halt> {
        if !self.coordinators[c].is_up() {
            Some(Halt::Crashed)
        } else if leader.has_panicked {
            Some(Halt::Panicked)
        } else {
            None
        }
    }

    /// Steps one event into the open turn.
    pub(super) fn step(&mut self, c: usize, leader: &mut Leader, event: Event) {
        if self.trouble(c, leader).is_some() {
            return;
        }
        let now = leader.lead.clock().at(self.now.elapsed());
        let event = self.corrupt_decision(event);
        self.checker.steps(c, leader.epoch(), now, &event);
        self.note_drain(c, leader, &event);
        self.wonder_at(&event);
        let event = self.corrupt_event(leader, event);
        for mistaken in self.mistakes_before(&event) {
            leader.lead.step(self.now.elapsed(), mistaken);
        }
        if self.trace.is_in_words() {
            let words = shorten(format!("{event:?}"));
            self.trace
                .tell(self.now, format_args!("coordinator {c} steps {words}"));
        }
        self.record(
            c,
            &Line::Event {
                now,
                event: Cow::Borrowed(&event),
            },
        );
        let open = leader.lead.open();
        let before = Lengths::of(open);
        let now = self.now.elapsed();
        let stepped = self.survive(c, leader, |lead| lead.step(now, event));
        if stepped.is_none() {
            return;
        }
        self.statistics.steps += 1;
        self.count_transitions(leader, before.transitions);
        let open = leader.lead.open();
        self.corrupt_answers(&mut open.actions[before.actions..]);
        let added = before.added(open);
        self.count_occasions(added);
        self.checker.stepped(c, added);
        for occasion in self.checker.occasions.drain(..) {
            self.statistics.meet(occasion);
        }
        if self.checks.chance(8) {
            leader.lead.cluster().assert_consistent();
            self.statistics.consistency_checks += 1;
        }
        if self.setting.planted == Some(PlantedBug::TurnActsBeforeCommit) {
            let actions = std::mem::take(&mut leader.lead.open().actions);
            self.perform(c, leader, actions);
        }
    }

    /// What the machine makes of an event, or decides to do next. `None` when it panicked as it was planned; any other panic
    /// goes on.
    fn survive<T>(
        &mut self,
        c: usize,
        leader: &mut Leader,
        act: impl FnOnce(&mut Lead<ConnectionId>) -> T,
    ) -> Option<T> {
        let panic = match catch_unwind(AssertUnwindSafe(|| act(&mut leader.lead))) {
            Ok(made) => return Some(made),
            Err(panic) => panic,
        };
        if !panicking::is_planted(&*panic) {
            resume_unwind(panic);
        }
        self.statistics.count(FaultKind::StepPanicked);
        self.trace
            .tell(self.now, format_args!("coordinator {c} panics"));
        leader.has_panicked = true;
        None
    }

    pub(super) fn record(&mut self, c: usize, line: &Line<'_>) {
        if self.setting.record {
            serde_json::to_writer(&mut self.records[c], line).expect("memory takes everything");
            self.records[c].push(b'\n');
        }
    }
}

/// How much the open turn holds.
struct Lengths {
    jobs: usize,
    attempts: usize,
    nodes: usize,
    actions: usize,
    transitions: usize,
}

impl Lengths {
    fn of(open: &Effects) -> Self {
        Self {
            jobs: open.jobs.len(),
            attempts: open.attempts.len(),
            nodes: open.nodes.len(),
            actions: open.actions.len(),
            transitions: open.transitions.len(),
        }
    }

    /// What has been added since.
    fn added(self, open: &Effects) -> Added<'_> {
        Added {
            jobs: &open.jobs[self.jobs..],
            attempts: &open.attempts[self.attempts..],
            nodes: &open.nodes[self.nodes..],
            actions: &open.actions[self.actions..],
        }
    }
}

fn shorten(mut words: String) -> String {
    if words.len() > 600 {
        let end = (0..=600).rev().find(|end| words.is_char_boundary(*end));
        words.truncate(end.unwrap_or(0));
        words.push_str(" ...");
    }
    words
}
