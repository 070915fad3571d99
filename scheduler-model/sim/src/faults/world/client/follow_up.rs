//! What people do with jobs that they know to be accepted: stop them, ask for them, replay them.

use std::sync::Arc;

use drover_model::{JobId, JobState, Question, Submitted};

use super::{CallKind, ClientHappening};
use crate::faults::world::{Happening, World};

const LOOK_FOR_DEATH_MS: u64 = 5_000;

impl World<'_> {
    pub(super) fn follow_up(&mut self, call: usize, submitted: &[Submitted]) {
        let CallKind::Submit { numbers } = &self.clients.calls[call].kind else {
            return;
        };
        let numbers = numbers.clone();
        let workload = Arc::clone(&self.workload);
        for Submitted { job, .. } in submitted {
            let Some(stored) = self.database.jobs.get(job) else {
                continue;
            };
            if !numbers.contains(&stored.number) {
                continue;
            }
            let planned = &workload.jobs[stored.number as usize];
            for (after_ms, how) in &planned.cancellations {
                let kind = CallKind::Cancel {
                    job: *job,
                    how: *how,
                };
                let call = self.clients.add(kind);
                self.plan_call(call, self.now.plus_ms(*after_ms));
            }
            let ask = self.clients.add(CallKind::Ask(Question::Job(*job)));
            let after_ms = self.clients.random.below(10_000);
            self.plan_call(ask, self.now.plus_ms(after_ms));
            if self.clients.random.chance(700) {
                let tasks = planned.spec.tasks.len() as u64;
                let task = self.clients.random.below(tasks + 1) as u32;
                let after_ms = self.clients.random.spread(5, 3_000);
                self.ask_why(*job, task, after_ms);
            }
            if let Some(from_failed) = planned.replay {
                self.clients.waiting_for_death += 1;
                self.plan_look(*job, from_failed);
            }
        }
    }

    /// Why a task waits, or runs where it does.
    pub(in crate::faults::world) fn ask_why(&mut self, job: JobId, task: u32, after_ms: u64) {
        let question = Question::Explain { job, task };
        let call = self.clients.add(CallKind::Ask(question));
        self.plan_call(call, self.now.plus_ms(after_ms));
    }

    fn plan_look(&mut self, job: JobId, from_failed: bool) {
        let after_ms = LOOK_FOR_DEATH_MS + self.clients.random.below(LOOK_FOR_DEATH_MS);
        let what = ClientHappening::LooksForDeath { job, from_failed };
        self.line
            .plan(self.now.plus_ms(after_ms), Happening::Client(what));
    }

    pub(super) fn look_for_death(&mut self, job: JobId, from_failed: bool) {
        let state = self.database.jobs[&job].row.state;
        if !state.is_final() {
            return self.plan_look(job, from_failed);
        }
        self.clients.waiting_for_death -= 1;
        // Also what is not dead now and then, which has to be refused.
        if !state.is_dead() && !self.clients.random.chance(100) {
            return;
        }
        let rolled_back = matches!(state, JobState::RolledBack | JobState::RollbackFailed);
        let from_failed = from_failed && !rolled_back;
        for _ in 0..1 + self.clients.random.below(2) {
            let call = self.clients.add(CallKind::Replay { job, from_failed });
            let after_us = self.clients.random.below(50_000);
            self.plan_call(call, self.now.plus_us(after_us));
        }
    }
}
