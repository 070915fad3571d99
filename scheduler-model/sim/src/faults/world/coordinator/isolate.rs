//! The end of jobs that are at fault, in the record. As `coordinator/src/driver/isolate.rs`.

use drover_model::{
    Epoch, JobId,
    lead::{Poison, Trial},
    turn::{CommitOutcome, SealedTurn},
};

use super::DatabaseRequest;
use crate::faults::{
    inject::FaultKind,
    workload,
    world::{World, moment::Moment},
};

impl World<'_> {
    pub(super) fn isolate_or_load(&mut self, c: usize, epoch: Epoch, since: Moment) {
        match self.coordinators[c].suspicion.take_found(epoch) {
            Some(poison) => {
                self.coordinators[c].phase = super::Phase::Parking { epoch, since };
                self.ask_database(c, DatabaseRequest::Isolate { epoch, poison });
            }
            None => self.load(c, epoch, since),
        }
    }

    /// Ends what is at fault, in the record.
    pub(super) fn isolate(&mut self, c: usize, epoch: Epoch, poison: &Poison) {
        if self.database.lease.epoch != epoch {
            return;
        }
        let mut trial = Trial::of(poison);
        while let Some(part) = trial.part(epoch, self.database.lease.turn) {
            let term_ms = self.setting.lease_ms;
            let committed = self
                .database
                .commit(&part, term_ms, self.now, &self.workload);
            match committed.outcome {
                CommitOutcome::Done => self.checker.committed(&part, &self.database),
                _ => self.excuse(c, &part, &committed.why),
            }
            trial.judge(committed.outcome);
        }
        for job in trial.into_culprits() {
            let at = self.database.lease.model_time;
            if self.database.park(job, at, "parked: it cannot be taken") {
                self.trace
                    .tell(self.now, format_args!("store: {job} is parked"));
                self.statistics.count(FaultKind::JobParked);
                self.checker.parked(job);
                self.check_fault(c, job);
            }
        }
    }

    /// Rows that were refused although nothing is wrong with them may cost their jobs.
    pub(super) fn excuse(&mut self, c: usize, sealed: &SealedTurn, why: &str) {
        if why.starts_with("refused once") {
            let jobs = sealed.jobs.iter().map(|row| row.id);
            let jobs = jobs.chain(sealed.attempts.iter().map(|row| row.key.job));
            self.coordinators[c].refused_once.extend(jobs);
        }
    }

    fn check_fault(&mut self, c: usize, job: JobId) {
        let stored = &self.database.jobs[&job];
        let planned = &self.workload.jobs[stored.number as usize];
        let makes_trouble = planned.poison != workload::Poison::No;
        let is_first = stored.fixed.replay_of.is_none();
        if !(makes_trouble && is_first || self.coordinators[c].refused_once.contains(&job)) {
            let what = format!("{job} is parked, and nothing was wrong with it");
            self.checker.fail("poison costs its own job only", what);
        }
    }
}
