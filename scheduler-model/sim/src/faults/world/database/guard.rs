//! What a turn must meet before anything of it is written.

use drover_model::{AttemptRow, JobRow, turn::SealedTurn};
use rustc_hash::FxHashSet;

use super::Database;
use crate::faults::workload::{Poison, Workload};

/// Why nothing was written.
#[derive(Debug)]
pub(super) enum Refusal {
    Fenced,
    /// A statement matched another number of rows than it must.
    Guard(String),
    /// A constraint.
    Content(String),
}

impl Database {
    pub(super) fn check(&self, turn: &SealedTurn, workload: &Workload) -> Result<(), Refusal> {
        self.check_once(turn)?;
        for row in &turn.jobs {
            self.check_job(row)?;
            refuse_poisonous_job(row, workload)?;
        }
        for row in &turn.attempts {
            self.check_attempt(row)?;
            self.refuse_poison(row, turn, workload)?;
        }
        for row in &turn.nodes {
            if row.name.is_empty() {
                return Err(Refusal::Content("a node without a name".to_owned()));
            }
        }
        Ok(())
    }

    /// A statement that meets a row twice changes it once: the counts would not match.
    fn check_once(&self, turn: &SealedTurn) -> Result<(), Refusal> {
        let mut jobs = FxHashSet::default();
        let mut attempts = FxHashSet::default();
        let once = turn.jobs.iter().all(|row| jobs.insert(row.id))
            && turn.attempts.iter().all(|row| attempts.insert(row.key));
        if once {
            return Ok(());
        }
        Err(Refusal::Guard("a row stands in the turn twice".to_owned()))
    }

    fn check_job(&self, row: &JobRow) -> Result<(), Refusal> {
        let stored = self.jobs.get(&row.id);
        match (row.from, &row.new, stored) {
            (None, Some(new), None) => {
                let known = new.request_id.as_ref().is_some_and(|request_id| {
                    let key = (new.namespace.clone(), request_id.clone());
                    self.requests.contains_key(&key)
                });
                if known || new.task_count == 0 || new.priority > 100 {
                    return Err(Refusal::Content(format!("the row of job {}", row.id)));
                }
            }
            (Some(from), None, Some(stored)) if stored.row.state == from => {}
            _ => {
                let stored = stored.map(|stored| stored.row.state);
                let from = row.from;
                return Err(Refusal::Guard(format!(
                    "job {}: from {from:?}, stored {stored:?}",
                    row.id
                )));
            }
        }
        if row.state.is_final() != row.ended_at.is_some() {
            return Err(Refusal::Content(format!(
                "job {} is {} and ended at {:?}",
                row.id, row.state, row.ended_at
            )));
        }
        Ok(())
    }

    fn check_attempt(&self, row: &AttemptRow) -> Result<(), Refusal> {
        let stored = self.attempts.get(&row.key).map(|stored| stored.state);
        if row.from != stored {
            return Err(Refusal::Guard(format!(
                "{:?}: from {:?}, stored {stored:?}",
                row.key, row.from
            )));
        }
        let decision = row.decision.as_ref().map_or(0, |text| text.len());
        if row.key.attempt == 0 || decision > 64 {
            return Err(Refusal::Content(format!("the row of {:?}", row.key)));
        }
        Ok(())
    }

    fn refuse_poison(
        &self,
        row: &AttemptRow,
        turn: &SealedTurn,
        workload: &Workload,
    ) -> Result<(), Refusal> {
        let fixed = match self.jobs.get(&row.key.job) {
            Some(stored) => Some(&stored.fixed),
            None => turn
                .jobs
                .iter()
                .find(|job| job.id == row.key.job)
                .and_then(|job| job.new.as_deref()),
        };
        let poison = fixed.is_some_and(|fixed| {
            let number = super::commit::number_of(&fixed.stored_spec);
            fixed.replay_of.is_none() && workload.jobs[number as usize].poison == Poison::Rows
        });
        if poison {
            return Err(Refusal::Content(format!("poison: {:?}", row.key)));
        }
        Ok(())
    }
}

fn refuse_poisonous_job(row: &JobRow, workload: &Workload) -> Result<(), Refusal> {
    let new = row.new.as_deref().filter(|new| new.replay_of.is_none());
    let poison = new.is_some_and(|new| {
        let number = super::commit::number_of(&new.stored_spec);
        workload.jobs[number as usize].poison == Poison::Submit
    });
    if poison {
        return Err(Refusal::Content(format!("poison: {}", row.id)));
    }
    Ok(())
}
