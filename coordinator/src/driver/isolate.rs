//! The end of jobs that are at fault, in the record.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use drover_model::{
    Epoch, JobId,
    lead::{Poison, Trial},
    turn::CommitOutcome,
};

use crate::{
    clock,
    store::{Store, StoreError},
    tally::{Count, Tally},
};

/// Ends jobs in the record, in the name of a leadership that begins.
pub(super) struct Parking {
    pub(super) store: Arc<dyn Store>,
    pub(super) tally: Arc<Tally>,
    /// Grows while the lease is renewed.
    pub(super) epoch: Arc<AtomicU64>,
    /// Of the lease.
    pub(super) term: Duration,
}

impl Parking {
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
        let mut trial = Trial::of(poison);
        if trial.goes_on() {
            let mut committed = self.store.lease().await?.turn;
            while let Some(part) = trial.part(self.epoch(), committed) {
                let outcome = self.store.commit(&part, self.term).await;
                if outcome == CommitOutcome::Done {
                    committed = part.turn;
                }
                trial.judge(outcome);
            }
        }
        Ok(trial.into_culprits())
    }
}
