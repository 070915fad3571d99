//! A lease that is held before there is anything to commit.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use drover_model::Epoch;

use crate::{
    clock,
    error::CoordinatorError,
    store::{Acquired, Applicant, Store, StoreError},
};

/// A lease that this coordinator has.
#[derive(Clone, Copy)]
pub(super) struct Held {
    pub(super) epoch: Epoch,
    /// Its term counts from here.
    pub(super) since: Instant,
    /// The same, on the clock of the lease.
    pub(super) since_boot: Duration,
}

/// Renews the lease before there is anything to commit. Taking it again raises its epoch; that it rose by no more than
/// that tells that nobody else has had it in between.
pub(super) struct Keeper {
    pub(super) store: Arc<dyn Store>,
    pub(super) applicant: Applicant,
    pub(super) term: Duration,
    /// Of the last renewal, for those who work under it.
    pub(super) epoch: Arc<AtomicU64>,
}

impl Keeper {
    pub(super) async fn keep_during<T>(
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
        let current = match self.store.acquire(&self.applicant, self.term).await? {
            Acquired::Leader { epoch } if epoch.0 == held.epoch.0 + 1 => {
                self.epoch.store(epoch.0, Ordering::Release);
                return Ok(Held {
                    epoch,
                    since,
                    since_boot,
                });
            }
            Acquired::Leader { epoch } => epoch,
            Acquired::HeldBy { epoch, holder, .. } => {
                if *holder == *self.applicant.address {
                    tell_of_namesake(&holder);
                }
                epoch
            }
        };
        Err(CoordinatorError::Store(StoreError::Fenced {
            expected: held.epoch.0,
            current: current.0,
        }))
    }
}

pub(super) fn tell_of_namesake(address: &str) {
    tracing::error!(
        address,
        "another coordinator advertises this address too, and has taken the lease; give each its own with --advertise"
    );
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::store;

    const TERM: Duration = Duration::from_millis(600);

    fn applicant(address: &str) -> Applicant {
        Applicant {
            address: address.into(),
            instance: Uuid::now_v7(),
            succeeds: false,
        }
    }

    async fn keeper(url: &str) -> (Keeper, Held) {
        let store = store::open(url).await.unwrap();
        let since = Instant::now();
        let applicant = applicant("http://one");
        let Acquired::Leader { epoch } = store.acquire(&applicant, TERM).await.unwrap() else {
            panic!("a free lease");
        };
        let keeper = Keeper {
            store,
            applicant,
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
                let acquired = other.acquire(&applicant("http://two"), TERM).await?;
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
        let Acquired::Leader { epoch } =
            other.acquire(&applicant("http://two"), TERM).await.unwrap()
        else {
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
