//! Commits, and what follows from their outcome. As `coordinator/src/driver/commit.rs`.

use std::sync::Arc;

use drover_model::{
    Action, Effects, Event, Transition, TurnNumber,
    cluster::Cluster,
    lead::{Clocks, Follow, Landing},
    turn::{CommitOutcome, SealedTurn},
};

use super::{DatabaseAnswer, DatabaseRequest, FailedRequest, Leader, leader::Halt};
use crate::faults::{
    check::Added,
    inject::{CrashPoint, PlantedBug},
    occasion::Occasion,
    world::{World, moment::Moment},
};

impl World<'_> {
    /// No host sleeps here.
    fn clocks(&self) -> Clocks {
        let now = self.now.elapsed();
        let since_boot = now;
        Clocks { now, since_boot }
    }

    pub(super) fn start_commit(&mut self, c: usize, leader: &mut Leader) {
        let clocks = self.clocks();
        let sealed = if self.setting.record {
            let (sealed, line) = leader.lead.seal_for_record(clocks);
            self.record(c, &line);
            sealed
        } else {
            leader.lead.seal(clocks)
        };
        let is_empty = sealed.jobs.is_empty() && sealed.attempts.is_empty();
        if !is_empty && self.crashes_here(c, CrashPoint::BeforeCommit) {
            return;
        }
        self.send_commit(c, sealed);
    }

    fn send_commit(&mut self, c: usize, sealed: Arc<SealedTurn>) {
        self.ask_database(c, DatabaseRequest::Commit { sealed });
    }

    /// Follows what the store says of the commit in flight.
    pub(super) fn settle(
        &mut self,
        c: usize,
        leader: &mut Leader,
        answer: DatabaseAnswer,
    ) -> Option<Halt> {
        let clocks = self.clocks();
        let follow = match answer {
            DatabaseAnswer::Committed(outcome) => {
                let landing = Landing::Answered(self.misread(outcome));
                leader.lead.landed(clocks, landing)
            }
            DatabaseAnswer::Lease { epoch, turn } => leader.lead.lease_shows(clocks, epoch, turn),
            DatabaseAnswer::Failed(FailedRequest::Lease) => {
                leader.lead.lease_unreadable(clocks.now)
            }
            DatabaseAnswer::Waited => leader.lead.resume(clocks),
            answer => unreachable!("{answer:?} while nobody leads"),
        };
        self.follow(c, leader, follow)
    }

    fn misread(&self, outcome: CommitOutcome) -> CommitOutcome {
        match (self.setting.planted, outcome) {
            (Some(PlantedBug::TurnBelievesUnknown), CommitOutcome::Unknown) => CommitOutcome::Done,
            _ => outcome,
        }
    }

    fn follow(&mut self, c: usize, leader: &mut Leader, follow: Follow) -> Option<Halt> {
        match follow {
            Follow::Perform {
                turn,
                actions,
                renewed_at,
                ..
            } => {
                let renewed_at = Moment::of(renewed_at);
                self.coordinators[c].lease_until = renewed_at.plus_ms(self.setting.lease_ms);
                if !actions.is_empty() && self.crashes_here(c, CrashPoint::BeforeActions) {
                    return Some(Halt::Crashed);
                }
                self.compare_with_store(leader, turn);
                self.perform(c, leader, actions);
            }
            Follow::ReadLease => self.ask_database(c, DatabaseRequest::ReadLease),
            Follow::Pause(pause) => self.wait_for_store(c, pause),
            Follow::Send(sealed) => self.send_commit(c, sealed),
            Follow::End(ended) => return Some(Halt::Ended(ended)),
        }
        None
    }

    pub(super) fn count_transitions(&mut self, leader: &mut Leader, before: usize) {
        for transition in &leader.lead.open().transitions[before..] {
            if let Transition::Task { job, task, to, .. } = transition {
                let from = leader.shown.insert((*job, *task), *to);
                self.statistics.transition(from, *to);
            }
        }
    }

    /// What came of placement and of operators in one step.
    pub(super) fn count_occasions(&mut self, added: Added<'_>) {
        for row in added.attempts {
            self.statistics.attempt(row.from, row.state);
        }
        for action in added.actions {
            if let Action::Reply { answer, .. } = action {
                for occasion in Occasion::of_answer(answer) {
                    self.statistics.meet(occasion);
                }
            }
        }
    }

    /// What a load would give, as far as it is durable, against what memory has.
    fn compare_with_store(&mut self, leader: &mut Leader, turn: TurnNumber) {
        let now = leader.lead.clock().at(self.now.elapsed());
        let lease = &self.database.lease;
        let current = lease.turn == turn && lease.epoch == leader.epoch();
        let timer = leader.lead.cluster().next_timer();
        let is_timer_due = timer.is_some_and(|due| due <= now);
        let comparable = current && !is_timer_due && leader.lead.open().is_empty();
        if !comparable || !self.checks.chance(12) {
            return;
        }
        self.statistics.load_checks += 1;
        let mut snapshot = self.database.snapshot(&self.workload);
        self.mark_panicking(&mut snapshot);
        let mut config = leader.lead.cluster().config().clone();
        config.careful = false;
        let mut loaded = Cluster::load(config, snapshot, now);
        loaded.step(now, Event::Tick, &mut Effects::default());
        let (loaded, memory) = (loaded.durable(), leader.lead.cluster().durable());
        self.checker.same_after_load(&loaded, &memory);
    }
}
