//! Commits: sent one at a time, followed by their verdicts. As `coordinator/src/driver/commit.rs`.

use std::sync::Arc;

use drover_model::{
    Effects, Event, Transition, TurnNumber,
    cluster::Cluster,
    record::{self, Line},
    turn::{CommitOutcome, SealedTurn, Verdict},
};

use super::{
    DatabaseAnswer, DatabaseRequest, Leader, MIN_BACKOFF_MS, careful::Stepped, leader::Ended,
};
use crate::{
    faults::{CrashPoint, PlantedBug},
    world::{World, moment::Moment},
};

/// Before the lease is read or a commit sent again, after one went wrong.
const BACKOFF_US: u64 = 50_000;

/// What is awaited from the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    Nothing,
    Commit,
    /// The lease row; nothing else is done meanwhile.
    Lease,
    /// The moment to send the turn again; nothing else is done meanwhile.
    Resend,
}

/// The turn that was sealed last.
#[derive(Debug)]
pub(super) struct Flight {
    awaited: Awaited,
    /// When it was sent first. Whatever becomes of it, it is waited for no longer than a lease from here.
    began_at: Moment,
    /// When it was sent last: its lease counts from there.
    sent_at: Moment,
    pub(super) stepped: Stepped,
    pub(super) sealed: Option<Arc<SealedTurn>>,
}

impl Flight {
    pub(super) fn begin(now: Moment) -> Self {
        Self {
            awaited: Awaited::Nothing,
            began_at: now,
            sent_at: now,
            stepped: Stepped::default(),
            sealed: None,
        }
    }

    pub(super) fn is_awaited(&self) -> bool {
        self.awaited != Awaited::Nothing
    }

    /// The driver does nothing but wait.
    pub(super) fn is_exclusive(&self) -> bool {
        matches!(self.awaited, Awaited::Lease | Awaited::Resend)
    }
}

impl World<'_> {
    pub(super) fn renew_at(&self, leader: &Leader) -> Moment {
        leader.flight.sent_at.plus_ms(self.setting.lease_ms / 3)
    }

    /// When another may lead, if the commit in flight does not renew the lease.
    pub(super) fn lease_end(&self, leader: &Leader) -> Moment {
        leader.flight.began_at.plus_ms(self.setting.lease_ms)
    }

    pub(super) fn start_commit(&mut self, c: usize, leader: &mut Leader) {
        let now = leader.clock.at(self.now);
        let sealed = if self.setting.record {
            let (sealed, digest) = record::seal(&mut leader.turn, now);
            let turn = sealed.turn;
            self.record(c, &Line::Sealed { turn, now, digest });
            sealed
        } else {
            leader.turn.seal(now)
        };
        leader.flight = Flight {
            stepped: std::mem::take(&mut leader.stepped),
            sealed: Some(Arc::clone(&sealed)),
            ..Flight::begin(self.now)
        };
        let is_empty = sealed.jobs.is_empty() && sealed.attempts.is_empty();
        if !is_empty && self.crashes_here(c, CrashPoint::BeforeCommit) {
            return;
        }
        self.send_commit(c, leader, sealed);
    }

    fn send_commit(&mut self, c: usize, leader: &mut Leader, sealed: Arc<SealedTurn>) {
        leader.flight.sent_at = self.now;
        leader.flight.awaited = Awaited::Commit;
        self.ask_database(c, DatabaseRequest::Commit { sealed });
    }

    /// Follows what the store says of the commit in flight.
    pub(super) fn settle(
        &mut self,
        c: usize,
        leader: &mut Leader,
        answer: DatabaseAnswer,
    ) -> Option<Ended> {
        let verdict = match (leader.flight.awaited, answer) {
            (Awaited::Commit, DatabaseAnswer::Committed(outcome)) => {
                leader.flight.awaited = Awaited::Nothing;
                let outcome = self.misread(outcome);
                leader.turn.committed_as(outcome)
            }
            (Awaited::Lease, DatabaseAnswer::Lease { epoch, turn }) => {
                leader.flight.awaited = Awaited::Nothing;
                leader.turn.resolve(epoch, turn)
            }
            // Asked until the lease has run out.
            (Awaited::Lease, _) => {
                self.ask_database(c, DatabaseRequest::ReadLease);
                return None;
            }
            (Awaited::Resend, DatabaseAnswer::Waited) => {
                let sealed = Arc::clone(leader.turn.in_flight().expect("a turn to send again"));
                self.send_commit(c, leader, sealed);
                return None;
            }
            (awaited, answer) => unreachable!("{answer:?} while {awaited:?} is awaited"),
        };
        self.follow(c, leader, verdict)
    }

    fn misread(&self, outcome: CommitOutcome) -> CommitOutcome {
        match (self.setting.planted, outcome) {
            (Some(PlantedBug::TurnBelievesUnknown), CommitOutcome::Unknown) => CommitOutcome::Done,
            _ => outcome,
        }
    }

    fn follow(&mut self, c: usize, leader: &mut Leader, verdict: Verdict) -> Option<Ended> {
        match verdict {
            Verdict::Perform { turn, actions, .. } => {
                let until = leader.flight.sent_at.plus_ms(self.setting.lease_ms);
                if self.now >= until {
                    // It is durable, but another may lead by now, who knows it from the store.
                    return Some(Ended::Lost);
                }
                self.coordinators[c].lease_until = until;
                self.coordinators[c].backoff_ms = MIN_BACKOFF_MS;
                if !actions.is_empty() && self.crashes_here(c, CrashPoint::BeforeActions) {
                    return Some(Ended::Crashed);
                }
                self.compare_with_store(leader, turn);
                self.perform(c, leader, actions);
                if leader.units.is_empty() {
                    leader.care.relax(self.now);
                }
                None
            }
            Verdict::SendAgain => {
                leader.flight.awaited = Awaited::Resend;
                self.wait_for_store(c, BACKOFF_US);
                None
            }
            Verdict::ReadLease => {
                leader.flight.awaited = Awaited::Lease;
                self.ask_database(c, DatabaseRequest::ReadLease);
                None
            }
            Verdict::Reload { isolate: true } => Some(Ended::Poisoned),
            Verdict::Reload { isolate: false } => Some(Ended::Lost),
        }
    }

    pub(super) fn count_transitions(&mut self, leader: &mut Leader, before: usize) {
        for transition in &leader.turn.effects().transitions[before..] {
            if let Transition::Task { job, task, to, .. } = transition {
                let from = leader.shown.insert((*job, *task), *to);
                self.statistics.transition(from, *to);
            }
        }
    }

    /// What a load would give, as far as it is durable, against what memory has.
    fn compare_with_store(&mut self, leader: &mut Leader, turn: TurnNumber) {
        let now = leader.clock.at(self.now);
        let lease = &self.database.lease;
        let current = lease.turn == turn && lease.epoch == leader.turn.epoch();
        let comparable = current && leader.turn.effects().is_empty();
        if leader.is_timer_due(self.now) || !comparable || !self.checks.chance(12) {
            return;
        }
        self.statistics.load_checks += 1;
        let snapshot = self.database.snapshot(&self.workload);
        let mut config = leader.cluster.config().clone();
        config.careful = false;
        let mut loaded = Cluster::load(config, snapshot, now);
        loaded.step(now, Event::Tick, &mut Effects::default());
        let (loaded, memory) = (loaded.durable(), leader.cluster.durable());
        self.checker.same_after_load(&loaded, &memory);
    }
}
