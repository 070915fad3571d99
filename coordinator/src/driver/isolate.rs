//! Which jobs are at fault, and their end in the record.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use drover_model::{
    Epoch, JobId,
    turn::{CommitOutcome, SealedTurn},
};

use super::suspicion::{Poison, What};
use crate::{
    clock,
    store::{Store, StoreError},
    tally::{Count, Tally},
};

/// Where jobs are parked.
pub(super) struct Ward {
    pub(super) store: Arc<dyn Store>,
    pub(super) tally: Arc<Tally>,
    /// Grows while the lease is renewed.
    pub(super) epoch: Arc<AtomicU64>,
    /// Of the lease.
    pub(super) term: Duration,
}

impl Ward {
    pub(super) fn epoch(&self) -> Epoch {
        Epoch(self.epoch.load(Ordering::Acquire))
    }

    /// Ends what is at fault, before a load.
    pub(super) async fn isolate(&self, poison: &Poison) -> Result<(), StoreError> {
        for job in self.culprits(poison).await? {
            let reason = format!(
                "parked: {}; the coordinator's log says more",
                poison.reason()
            );
            self.park(job, &reason).await?;
        }
        Ok(())
    }

    /// Ends a job as failed, so that others can go on without it.
    pub(super) async fn park(&self, job: JobId, reason: &str) -> Result<(), StoreError> {
        let parked = self
            .store
            .park(self.epoch(), job, clock::wall(), reason)
            .await?;
        if parked {
            self.tally.add(Count::ParkedJobs);
            tracing::error!(%job, reason, "a job is parked: it has failed, and is a dead letter");
        }
        Ok(())
    }

    async fn culprits(&self, poison: &Poison) -> Result<Vec<JobId>, StoreError> {
        match &poison.what {
            What::Panicked(job) => Ok(job.iter().copied().collect()),
            What::Refused(sealed) => {
                let jobs = stored_jobs(sealed);
                if jobs.len() > 1 {
                    self.try_each(sealed, jobs).await
                } else {
                    Ok(jobs.into_iter().collect())
                }
            }
        }
    }

    /// One event can be about many jobs: a lost node, say. The rows of each alone are as true as those of all together, so
    /// they are written job by job, and what is refused again is at fault.
    async fn try_each(
        &self,
        sealed: &SealedTurn,
        jobs: BTreeSet<JobId>,
    ) -> Result<Vec<JobId>, StoreError> {
        let mut committed = self.store.lease().await?.turn;
        let mut culprits = Vec::new();
        for job in jobs {
            let part = SealedTurn {
                epoch: self.epoch(),
                turn: committed.next(),
                model_time: sealed.model_time,
                jobs: matching(&sealed.jobs, |row| row.id == job),
                attempts: matching(&sealed.attempts, |row| row.key.job == job),
                nodes: Vec::new(),
                queues: Vec::new(),
            };
            match self.store.commit(&part, self.term).await {
                CommitOutcome::Done => committed = part.turn,
                CommitOutcome::Refused | CommitOutcome::Surprised => culprits.push(job),
                // The next careful leadership will find the rest.
                CommitOutcome::Fenced | CommitOutcome::Unknown => break,
            }
        }
        Ok(culprits)
    }
}

/// Jobs of the turn that stood in the record before it.
fn stored_jobs(sealed: &SealedTurn) -> BTreeSet<JobId> {
    let inserted: BTreeSet<JobId> = sealed
        .jobs
        .iter()
        .filter(|row| row.from.is_none())
        .map(|row| row.id)
        .collect();
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
