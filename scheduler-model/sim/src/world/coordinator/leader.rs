//! One leadership: step what arrives, commit, perform, in turns. As `coordinator/src/driver/lead.rs`.

use std::{
    borrow::Cow,
    collections::{BTreeMap, VecDeque},
};

use drover_model::{
    CallerId, Event, JobId, SessionId, Snapshot, TaskState,
    cluster::{Cluster, Config},
    record::Line,
    turn::Turn,
};
use rustc_hash::FxHashMap;

use super::{
    ModelClock,
    careful::{Care, Stepped, Unit},
    commit::Flight,
};
use crate::{
    faults::PlantedBug,
    world::{World, moment::Moment, network::ConnectionId},
};

pub(super) const HEARD_INTERVAL_MS: u64 = 1_000;

/// Far more than anything needs at one moment.
const MOST_ROUNDS: u32 = 100_000;

/// Why a leadership is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Shutdown,
    /// Another leads, or nobody knows.
    Lost,
    /// What the last turn holds cannot be written, or a step panicked.
    Poisoned,
    /// The process is gone.
    Crashed,
}

#[derive(Debug)]
pub struct Leader {
    pub(super) clock: ModelClock,
    pub cluster: Cluster,
    pub turn: Turn,
    pub(super) sessions: BTreeMap<SessionId, ConnectionId>,
    /// By caller: the call that waits.
    pub(super) callers: BTreeMap<CallerId, usize>,
    pub(super) next_caller: u64,
    pub(super) flight: Flight,
    /// What the open turn was made of.
    pub(super) stepped: Stepped,
    pub(super) care: Care,
    /// Events that are still to be stepped alone.
    pub(super) units: VecDeque<Unit>,
    /// When sessions are next asked whether they were heard from.
    pub(super) heard_at: Moment,
    /// The job that a step has panicked on.
    pub(super) panicked: Option<JobId>,
    /// States as told by transitions since the load.
    pub(super) shown: FxHashMap<(JobId, u32), TaskState>,
}

impl Leader {
    pub(super) fn new(
        config: Config,
        snapshot: Snapshot,
        clock: ModelClock,
        now: Moment,
        care: Care,
    ) -> Self {
        Self {
            turn: Turn::new(snapshot.epoch, snapshot.turn),
            cluster: Cluster::load(config, snapshot, clock.at(now)),
            clock,
            sessions: BTreeMap::new(),
            callers: BTreeMap::new(),
            next_caller: 0,
            flight: Flight::begin(now),
            stepped: Stepped::default(),
            care,
            units: VecDeque::new(),
            heard_at: now.plus_ms(HEARD_INTERVAL_MS),
            panicked: None,
            shown: FxHashMap::default(),
        }
    }

    /// Of sessions, and of agents whose join waits for a commit of its own.
    pub(super) fn connections(&self) -> Vec<ConnectionId> {
        let waiting = self.units.iter().filter_map(Unit::connection);
        self.sessions.values().copied().chain(waiting).collect()
    }

    pub(super) fn is_timer_due(&self, now: Moment) -> bool {
        let due = self.cluster.next_timer();
        due.is_some_and(|due| due <= self.clock.at(now))
    }
}

impl World<'_> {
    /// Runs until there is nothing left to do at this moment.
    pub(super) fn lead(&mut self, c: usize, leader: &mut Leader) -> Option<Ended> {
        for _ in 0..MOST_ROUNDS {
            if let Some(answer) = self.coordinators[c].landed.take()
                && let Some(ended) = self.settle(c, leader, answer)
            {
                return Some(ended);
            }
            if leader.flight.is_awaited() && self.now >= self.lease_end(leader) {
                // Another may lead, and whether the commit has renewed the lease is not known.
                return Some(Ended::Lost);
            }
            if leader.flight.is_exclusive() {
                return None;
            }
            if !leader.flight.is_awaited() {
                self.advance(c, leader);
                if let Some(ended) = self.trouble(c, leader) {
                    return Some(ended);
                }
                if leader.turn.ready() || self.now >= self.renew_at(leader) {
                    self.start_commit(c, leader);
                } else if self.coordinators[c].shutdown {
                    return Some(Ended::Shutdown);
                }
            }
            let goes_on = self.trouble(c, leader).is_none() && self.take_next(c, leader);
            if let Some(ended) = self.trouble(c, leader) {
                return Some(ended);
            }
            if !goes_on {
                return None;
            }
        }
        let what = format!("coordinator {c} finds something to do for ever");
        self.checker.fail("the driver comes to rest", what);
        None
    }

    /// One thing that can be done while a commit is in flight, or before there is a reason for one.
    fn take_next(&mut self, c: usize, leader: &mut Leader) -> bool {
        if !self.coordinators[c].shutdown && self.has_room(leader) {
            if let Some(message) = self.coordinators[c].control.pop_front() {
                self.take_control(c, leader, message);
                return true;
            }
            if let Some(request) = self.coordinators[c].requests.pop_front() {
                self.take_request(c, leader, request);
                return true;
            }
        }
        if !self.coordinators[c].shutdown && self.wake_at(c, leader) <= self.now {
            self.take_time(c, leader);
            return true;
        }
        false
    }

    fn trouble(&self, c: usize, leader: &Leader) -> Option<Ended> {
        if !self.coordinators[c].is_up() {
            Some(Ended::Crashed)
        } else if leader.panicked.is_some() {
            Some(Ended::Poisoned)
        } else {
            None
        }
    }

    /// What can be done before the next commit.
    fn advance(&mut self, c: usize, leader: &mut Leader) {
        if self.coordinators[c].shutdown {
            return;
        }
        if leader.care.is_taken() {
            self.step_one(c, leader);
        } else {
            self.take_waiting(c, leader);
            self.dispatch(c, leader);
        }
    }

    /// A cluster that was loaded with care places one task at a time, also when the care is over.
    fn dispatch(&mut self, c: usize, leader: &mut Leader) {
        while leader.cluster.wants_dispatch()
            && self.has_room(leader)
            && self.trouble(c, leader).is_none()
        {
            let decision = leader.cluster.decide(leader.clock.at(self.now));
            let is_last = decision.placements.is_empty() || !leader.cluster.config().careful;
            self.step(c, leader, Event::Dispatch(decision));
            if is_last {
                return;
            }
        }
    }

    /// While care is taken, one event at a time: the next waits for the commit of the one before.
    pub(super) fn has_room(&self, leader: &mut Leader) -> bool {
        if leader.care.is_taken() {
            return !leader.flight.is_awaited()
                && leader.turn.effects().is_empty()
                && leader.units.is_empty();
        }
        let open = leader.turn.effects();
        open.jobs.len() + open.attempts.len() + open.actions.len() < self.setting.max_open
    }

    /// When the driver has to look at the clock again.
    pub(super) fn wake_at(&self, c: usize, leader: &Leader) -> Moment {
        let awaited = leader.flight.is_awaited();
        let mut wake = Moment::NEVER;
        if awaited {
            wake = self.lease_end(leader);
            if leader.flight.is_exclusive() || self.coordinators[c].shutdown {
                return wake;
            }
        } else {
            wake = wake.min(self.renew_at(leader));
        }
        wake = wake.min(leader.heard_at);
        match leader.cluster.next_timer() {
            Some(due) if !(leader.care.is_taken() && awaited) => wake.min(leader.clock.moment(due)),
            _ => wake,
        }
    }

    /// Steps one event into the open turn.
    pub(super) fn step(&mut self, c: usize, leader: &mut Leader, event: Event) {
        if leader.panicked.is_some() || !self.coordinators[c].is_up() {
            return;
        }
        let now = leader.clock.at(self.now);
        self.checker.model_time(c, leader.turn.epoch(), now);
        let event = self.corrupt_event(leader, event);
        if self.setting.planted == Some(PlantedBug::ClusterForgetsFence) {
            for recovered in self.forget_fence(&event) {
                leader.cluster.step(now, recovered, leader.turn.effects());
            }
        }
        if self.trace.is_in_words() {
            let words = shorten(format!("{event:?}"));
            self.trace
                .tell(self.now, format_args!("coordinator {c} steps {words}"));
        }
        if leader.turn.effects().is_empty() {
            leader.stepped = Stepped::default();
        }
        leader.stepped.begin(&event);
        if let Some(job) = self.panics_on(&event) {
            self.trace
                .tell(self.now, format_args!("coordinator {c} panics on {job}"));
            leader.panicked = Some(job);
            return;
        }
        self.record(
            c,
            &Line::Event {
                now,
                event: Cow::Borrowed(&event),
            },
        );
        let open = leader.turn.effects();
        let (rows, transitions) = (open.attempts.len(), open.transitions.len());
        leader.cluster.step(now, event, leader.turn.effects());
        self.statistics.steps += 1;
        self.count_transitions(leader, transitions);
        for row in &leader.turn.effects().attempts[rows..] {
            self.checker.given_up(row, c);
        }
        if self.checks.chance(8) {
            leader.cluster.assert_consistent();
            self.statistics.consistency_checks += 1;
        }
        if self.setting.planted == Some(PlantedBug::TurnActsBeforeCommit) {
            let actions = std::mem::take(&mut leader.turn.effects().actions);
            self.perform(c, leader, actions);
        }
    }

    pub(super) fn record(&mut self, c: usize, line: &Line<'_>) {
        if self.setting.record {
            serde_json::to_writer(&mut self.records[c], line).expect("memory takes everything");
            self.records[c].push(b'\n');
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
