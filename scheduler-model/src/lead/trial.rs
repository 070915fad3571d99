//! Which jobs are at fault.

use std::{collections::BTreeSet, sync::Arc};

use super::{Poison, What};
use crate::{
    Epoch, JobId, TurnNumber,
    turn::{CommitOutcome, SealedTurn},
};

/// One event can be about many jobs: a lost node, say. The rows of each alone are as true as those of all together, so
/// they are written job by job, and what is refused again is at fault.
#[derive(Debug, Default)]
pub struct Trial {
    sealed: Option<Arc<SealedTurn>>,
    /// In ascending order; the first is the one that is tried.
    untried: BTreeSet<JobId>,
    culprits: Vec<JobId>,
}

impl Trial {
    pub fn of(poison: &Poison) -> Self {
        let sealed = match &poison.what {
            What::Panicked(job) => {
                return Self {
                    culprits: job.iter().copied().collect(),
                    ..Self::default()
                };
            }
            What::Refused(sealed) => sealed,
        };
        let jobs = stored_jobs(sealed);
        if jobs.len() > 1 {
            return Self {
                sealed: Some(Arc::clone(sealed)),
                untried: jobs,
                ..Self::default()
            };
        }
        Self {
            culprits: jobs.into_iter().collect(),
            ..Self::default()
        }
    }

    /// True while there are rows to be written.
    pub fn goes_on(&self) -> bool {
        !self.untried.is_empty()
    }

    /// The rows of the next job, to be committed after `committed`. `None`: the culprits are known.
    pub fn part(&self, epoch: Epoch, committed: TurnNumber) -> Option<SealedTurn> {
        let (sealed, job) = (self.sealed.as_ref()?, *self.untried.first()?);
        Some(SealedTurn {
            epoch,
            turn: committed.next(),
            model_time: sealed.model_time,
            jobs: matching(&sealed.jobs, |row| row.id == job),
            attempts: matching(&sealed.attempts, |row| row.key.job == job),
            nodes: Vec::new(),
            queues: Vec::new(),
            policy_events: Vec::new(),
            estimates: Vec::new(),
        })
    }

    /// What became of that part.
    pub fn judge(&mut self, outcome: CommitOutcome) {
        let Some(job) = self.untried.pop_first() else {
            return;
        };
        match outcome {
            CommitOutcome::Done => {}
            CommitOutcome::Refused | CommitOutcome::Surprised => self.culprits.push(job),
            // The next careful leadership will find the rest.
            CommitOutcome::Fenced | CommitOutcome::Unknown => self.untried.clear(),
        }
    }

    /// Found so far.
    pub fn into_culprits(self) -> Vec<JobId> {
        self.culprits
    }
}

/// Jobs of the turn that stood in the record before it.
fn stored_jobs(sealed: &SealedTurn) -> BTreeSet<JobId> {
    let inserted = sealed.jobs.iter().filter(|row| row.from.is_none());
    let inserted: BTreeSet<JobId> = inserted.map(|row| row.id).collect();
    let of_jobs = sealed.jobs.iter().map(|row| row.id);
    let of_attempts = sealed.attempts.iter().map(|row| row.key.job);
    of_jobs
        .chain(of_attempts)
        .filter(|job| !inserted.contains(job))
        .collect()
}

fn matching<Row: Clone>(rows: &[Row], of_job: impl Fn(&Row) -> bool) -> Vec<Row> {
    rows.iter().filter(|row| of_job(row)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AttemptKey, AttemptRow, AttemptState, Rate, Timestamp};

    fn lost(job: u128) -> AttemptRow {
        AttemptRow {
            key: AttemptKey {
                job: JobId::from_u128(job),
                task: 0,
                attempt: 1,
            },
            from: Some(AttemptState::Running),
            decision: None,
            rate: Rate::default(),
            state: AttemptState::Lost,
            node: "n1".into(),
            assigned_at: Timestamp(1),
            started_at: None,
            ended_at: None,
            exit_code: None,
            message: None,
            retry_at: None,
        }
    }

    fn trial(jobs: &[u128]) -> Trial {
        let sealed = SealedTurn {
            epoch: Epoch(1),
            turn: TurnNumber(5),
            model_time: Timestamp(9),
            jobs: Vec::new(),
            attempts: jobs.iter().copied().map(lost).collect(),
            nodes: Vec::new(),
            queues: Vec::new(),
            policy_events: Vec::new(),
            estimates: Vec::new(),
        };
        Trial::of(&Poison {
            alone: true,
            what: What::Refused(Arc::new(sealed)),
            caller: None,
            node: None,
        })
    }

    fn try_each(trial: &mut Trial, outcomes: &[CommitOutcome]) {
        for (committed, outcome) in (4..).zip(outcomes) {
            let part = trial.part(Epoch(2), TurnNumber(committed)).unwrap();
            assert_eq!((part.epoch, part.turn.0), (Epoch(2), committed + 1));
            assert_eq!(part.attempts.len(), 1);
            trial.judge(*outcome);
        }
        assert!(!trial.goes_on());
        assert_eq!(trial.part(Epoch(2), TurnNumber(9)), None);
    }

    #[test]
    fn a_lone_job_is_at_fault() {
        let mut trial = trial(&[3]);
        try_each(&mut trial, &[]);
        assert_eq!(trial.into_culprits(), [JobId::from_u128(3)]);
    }

    #[test]
    fn of_many_the_one_that_is_refused_alone_is_at_fault() {
        let mut trial = trial(&[3, 1, 2]);
        let (done, refused) = (CommitOutcome::Done, CommitOutcome::Refused);
        try_each(&mut trial, &[done, refused, done]);
        assert_eq!(trial.into_culprits(), [JobId::from_u128(2)]);
    }

    #[test]
    fn who_no_longer_leads_tries_no_further() {
        let mut trial = trial(&[1, 2, 3]);
        let outcomes = [CommitOutcome::Surprised, CommitOutcome::Fenced];
        try_each(&mut trial, &outcomes);
        assert_eq!(trial.into_culprits(), [JobId::from_u128(1)]);
    }
}
