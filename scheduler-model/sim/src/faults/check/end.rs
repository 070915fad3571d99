//! When all is over.

use drover_model::JobId;

use super::{Checker, Violation};
use crate::faults::world::{World, database::Database};

impl World<'_> {
    /// After the last job has ended.
    pub(crate) fn check_the_end(&mut self) -> Result<(), Violation> {
        self.checker.all_is_over(&self.database);
        match self.checker.violation.take() {
            Some(violation) => Err(violation),
            None => Ok(()),
        }
    }
}

impl Checker {
    fn all_is_over(&mut self, database: &Database) {
        let lost: Vec<JobId> = self
            .acknowledged
            .iter()
            .filter(|job| !database.jobs.contains_key(job))
            .copied()
            .collect();
        self.require(lost.is_empty(), "no acknowledged job is lost", || {
            format!("{lost:?}")
        });
        let running = self.still_running();
        self.require(running.is_none(), "no process outlives its job", || {
            format!("{running:?}")
        });
        for stored in database.jobs.values() {
            let dead = stored.row.state.is_dead();
            let listed = database.dead_letters.contains(&stored.row.id);
            let replayed = database
                .jobs
                .values()
                .any(|other| other.fixed.replay_of == Some(stored.row.id));
            self.require(
                listed == (dead && !replayed),
                "dead jobs are dead letters",
                || format!("{:?} listed: {listed}, replayed: {replayed}", stored.row),
            );
        }
    }
}
