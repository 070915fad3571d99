//! From standing by to leading.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use drover_model::{Epoch, cluster::Config, lead::standby_pause, turn::Turn};

use super::{
    Driver,
    isolate::Parking,
    keeper::{Held, Keeper, tell_of_namesake},
    leader::Leader,
    load::{self, Loaded},
};
use crate::{
    Options, clock,
    error::CoordinatorError,
    record::Recorder,
    standing::Standing,
    store::{Acquired, Applicant},
};

impl Driver {
    /// Waits for the lease and loads. `None` on shutdown.
    pub(super) async fn take_over(&mut self) -> Result<Option<Leader>, CoordinatorError> {
        let Some(held) = self.acquire().await? else {
            return Ok(None);
        };
        // Loading renews the lease by taking it again, under a new epoch each time.
        let epoch = Arc::new(AtomicU64::new(held.epoch.0));
        match self.load(held, Arc::clone(&epoch)).await {
            Ok(Some((held, loaded))) => {
                tracing::info!(
                    epoch = held.epoch.0,
                    turn = loaded.turn.0,
                    jobs = loaded.cluster.open_jobs(),
                    "loaded"
                );
                self.queues.load(&loaded.queues);
                self.lease.extend(held.since_boot, self.options.lease);
                let turn = Turn::new(held.epoch, loaded.turn);
                let mut leader = Leader::new(self, turn, loaded);
                // Another may have led meanwhile, and another policy may be in use.
                let in_use = leader.lead.cluster().config().policy.name();
                if self.panicked.take().is_some_and(|name| *name == *in_use) {
                    leader.fall_back("it panicked in a round of dispatch");
                }
                Ok(Some(leader))
            }
            Ok(None) => {
                self.resign(Epoch(epoch.load(Ordering::Acquire))).await;
                Ok(None)
            }
            Err(error) => {
                // Another may be able to.
                self.resign(Epoch(epoch.load(Ordering::Acquire))).await;
                Err(error)
            }
        }
    }

    async fn acquire(&mut self) -> Result<Option<Held>, CoordinatorError> {
        loop {
            let (since, since_boot) = (Instant::now(), clock::since_boot());
            let (store, applicant) = (Arc::clone(&self.store), self.applicant());
            let term = self.options.lease;
            let attempt = async move { store.acquire(&applicant, term).await };
            let Some(acquired) = self.refuse_until(attempt).await else {
                return Ok(None);
            };
            match acquired? {
                Acquired::Leader { epoch } => {
                    return Ok(Some(Held {
                        epoch,
                        since,
                        since_boot,
                    }));
                }
                Acquired::HeldBy {
                    holder,
                    epoch,
                    remaining,
                } => {
                    self.stand_by(epoch, holder);
                    let pause = standby_pause(remaining);
                    if self.refuse_until(tokio::time::sleep(pause)).await.is_none() {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Only a process that has just started takes over what is left under its address at once. If one did so that had led
    /// before, two with the same address would take the lease from each other for ever.
    fn applicant(&self) -> Applicant {
        Applicant {
            address: Arc::clone(&self.address),
            instance: self.instance,
            succeeds: self.is_new(),
        }
    }

    fn stand_by(&self, epoch: Epoch, leader: String) {
        let has_namesake = *leader == *self.address;
        let standing = Standing {
            leads: false,
            epoch,
            // Nobody is sent to where they are.
            leader: (!has_namesake).then(|| leader.into()),
        };
        self.standing.send_if_modified(|known| {
            let changed = *known != standing;
            if changed && has_namesake {
                tell_of_namesake(&self.address);
            }
            if changed {
                tracing::info!(
                    leader = standing.leader.as_deref(),
                    epoch = epoch.0,
                    "standing by"
                );
                *known = standing;
            }
            changed
        });
    }

    /// Loads, and keeps the lease meanwhile, however long it takes.
    async fn load(
        &mut self,
        held: Held,
        epoch: Arc<AtomicU64>,
    ) -> Result<Option<(Held, Loaded)>, CoordinatorError> {
        let keeper = Keeper {
            store: Arc::clone(&self.store),
            applicant: Applicant {
                succeeds: false,
                ..self.applicant()
            },
            term: self.options.lease,
            epoch,
        };
        let parking = Parking {
            store: Arc::clone(&self.store),
            tally: Arc::clone(&self.tally),
            epoch: Arc::clone(&keeper.epoch),
            term: self.options.lease,
        };
        let config = config(&self.options, self.suspicion.is_careful());
        let records = self.recorder.as_ref().map(Recorder::begin);
        let poison = self.suspicion.take_found(held.epoch);
        let fallback = Arc::clone(&self.options.fallback);
        let loading = load::load(parking, poison, config, &fallback, records);
        self.refuse_until(keeper.keep_during(held, loading))
            .await
            .transpose()
    }
}

fn config(options: &Options, careful: bool) -> Config {
    Config {
        policy: Arc::clone(&options.policy),
        backfill: options.backfill.clone(),
        mode: options.dispatch,
        weights: options.weights,
        node_timeout_ms: milliseconds(options.node_timeout),
        age_cap_ms: options.age_cap_ms().unwrap_or(u64::MAX),
        refuse_impossible: options.refuse_impossible,
        careful,
        ..Config::default()
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
