//! From standing by to leading.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use drover_model::{Epoch, cluster::Config, turn::Turn};

use super::{
    Driver,
    isolate::Ward,
    lead::Leader,
    load::{self, Loaded},
};
use crate::{
    Options, clock,
    error::CoordinatorError,
    record::Recorder,
    standing::Standing,
    store::{Acquired, Store, StoreError},
};

/// A standby looks this often whether the lease is free.
const STANDBY_INTERVAL: Duration = Duration::from_millis(500);

/// A lease that this coordinator has.
#[derive(Clone, Copy)]
struct Held {
    epoch: Epoch,
    /// Its term counts from here.
    since: Instant,
    /// The same, on the clock of the lease.
    since_boot: Duration,
}

impl Driver {
    /// Waits for the lease and loads. `None` on shutdown.
    pub(super) async fn take_over(&mut self) -> Result<Option<Leader>, CoordinatorError> {
        let Some(held) = self.acquire().await? else {
            return Ok(None);
        };
        match self.load(held).await {
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
                Ok(Some(Leader::new(self, turn, loaded)))
            }
            Ok(None) => {
                self.resign(held.epoch).await;
                Ok(None)
            }
            Err(error) => {
                // Another may be able to.
                self.resign(held.epoch).await;
                Err(error)
            }
        }
    }

    async fn acquire(&mut self) -> Result<Option<Held>, CoordinatorError> {
        loop {
            let (since, since_boot) = (Instant::now(), clock::since_boot());
            let (store, address) = (Arc::clone(&self.store), Arc::clone(&self.address));
            let term = self.options.lease;
            let attempt = async move { store.acquire(&address, term).await };
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
                    let pause = remaining.clamp(Duration::from_millis(10), STANDBY_INTERVAL);
                    if self.refuse_until(tokio::time::sleep(pause)).await.is_none() {
                        return Ok(None);
                    }
                }
            }
        }
    }

    fn stand_by(&self, epoch: Epoch, leader: String) {
        let standing = Standing {
            leads: false,
            epoch,
            leader: Some(leader.into()),
        };
        self.standing.send_if_modified(|known| {
            let changed = *known != standing;
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
    async fn load(&mut self, held: Held) -> Result<Option<(Held, Loaded)>, CoordinatorError> {
        let keeper = Keeper {
            store: Arc::clone(&self.store),
            address: Arc::clone(&self.address),
            term: self.options.lease,
            epoch: Arc::new(AtomicU64::new(held.epoch.0)),
        };
        let ward = Ward {
            store: Arc::clone(&self.store),
            tally: Arc::clone(&self.tally),
            epoch: Arc::clone(&keeper.epoch),
            term: self.options.lease,
        };
        let config = config(&self.options, self.suspicion.careful);
        let records = self.recorder.as_ref().map(Recorder::begin);
        let poison = self.suspicion.take_found(held.epoch);
        let loading = load::load(ward, poison, config, records);
        self.refuse_until(keeper.keep_during(held, loading))
            .await
            .transpose()
    }
}

/// Renews the lease before there is anything to commit. Taking it again raises its epoch; that it rose by no more than
/// that tells that nobody else has had it in between.
struct Keeper {
    store: Arc<dyn Store>,
    address: Arc<str>,
    term: Duration,
    /// Of the last renewal, for those who work under it.
    epoch: Arc<AtomicU64>,
}

impl Keeper {
    async fn keep_during<T>(
        &self,
        mut held: Held,
        work: impl Future<Output = Result<T, CoordinatorError>>,
    ) -> Result<(Held, T), CoordinatorError> {
        tokio::pin!(work);
        loop {
            let due = held.since + self.term / 3;
            tokio::select! {
                biased;
                done = &mut work => return done.map(|done| (held, done)),
                () = tokio::time::sleep_until(due.into()) => {}
            }
            let renewal = self.renew(held);
            tokio::pin!(renewal);
            tokio::select! {
                renewed = &mut renewal => held = renewed?,
                // Not dropped halfway: it may have happened.
                done = &mut work => {
                    held = renewal.await?;
                    return done.map(|done| (held, done));
                }
            }
        }
    }

    async fn renew(&self, held: Held) -> Result<Held, CoordinatorError> {
        let (since, since_boot) = (Instant::now(), clock::since_boot());
        match self.store.acquire(&self.address, self.term).await? {
            Acquired::Leader { epoch } if epoch.0 == held.epoch.0 + 1 => {
                self.epoch.store(epoch.0, Ordering::Release);
                Ok(Held {
                    epoch,
                    since,
                    since_boot,
                })
            }
            Acquired::Leader { epoch: current } | Acquired::HeldBy { epoch: current, .. } => {
                Err(CoordinatorError::Store(StoreError::Fenced {
                    expected: held.epoch.0,
                    current: current.0,
                }))
            }
        }
    }
}

fn config(options: &Options, careful: bool) -> Config {
    Config {
        policy: options.policy,
        mode: options.dispatch,
        node_timeout_ms: u64::try_from(options.node_timeout.as_millis()).unwrap_or(u64::MAX),
        careful,
        ..Config::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store;

    const TERM: Duration = Duration::from_millis(600);

    async fn keeper(url: &str) -> (Keeper, Held) {
        let store = store::open(url).await.unwrap();
        let since = Instant::now();
        let Acquired::Leader { epoch } = store.acquire("http://one", TERM).await.unwrap() else {
            panic!("a free lease");
        };
        let keeper = Keeper {
            store,
            address: "http://one".into(),
            term: TERM,
            epoch: Arc::new(AtomicU64::new(epoch.0)),
        };
        let since_boot = clock::since_boot();
        (
            keeper,
            Held {
                epoch,
                since,
                since_boot,
            },
        )
    }

    #[tokio::test]
    async fn a_load_that_takes_longer_than_the_lease_keeps_it() {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("test.db").display());
        let (keeper, held) = keeper(&url).await;
        let other = store::open(&url).await.unwrap();
        let work = async {
            while held.since.elapsed() < TERM * 2 {
                let acquired = other.acquire("http://two", TERM).await?;
                assert!(matches!(acquired, Acquired::HeldBy { .. }), "{acquired:?}");
                tokio::time::sleep(TERM / 20).await;
            }
            Ok(())
        };
        let (kept, ()) = keeper.keep_during(held, work).await.unwrap();
        assert!(kept.epoch > held.epoch);
        assert_eq!(kept.epoch.0, keeper.epoch.load(Ordering::Acquire));
    }

    #[tokio::test]
    async fn a_lease_that_another_has_had_meanwhile_is_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("test.db").display());
        let (keeper, held) = keeper(&url).await;
        let other = store::open(&url).await.unwrap();
        keeper.store.resign(held.epoch).await.unwrap();
        let Acquired::Leader { epoch } = other.acquire("http://two", TERM).await.unwrap() else {
            panic!("a free lease");
        };
        other.resign(epoch).await.unwrap();
        let work = std::future::pending::<Result<(), CoordinatorError>>();
        let error = keeper.keep_during(held, work).await.err();
        let fenced = Some(CoordinatorError::Store(StoreError::Fenced {
            expected: held.epoch.0,
            current: held.epoch.0 + 2,
        }));
        assert_eq!(format!("{error:?}"), format!("{fenced:?}"));
    }
}
