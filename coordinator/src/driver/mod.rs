//! The only owner of the model: takes the lease, loads, leads, and does so again when it has to.
//!
//! Start-up and recovery are one path: whatever goes wrong with a leadership, memory is dropped and the next one begins
//! with what the store holds.

mod lead;
mod lease;
mod load;
mod perform;
mod sessions;

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use drover_model::Epoch;
use futures_util::FutureExt as _;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    Options,
    error::{ApiError, CoordinatorError},
    inbox::Inbox,
    store::{Acquired, Store},
    watch::WatchHub,
};
use lead::{Ended, Leader};
pub(crate) use lease::LeaseTerm;
pub(crate) use sessions::Session;

const MIN_BACKOFF: Duration = Duration::from_millis(100);
const MAX_BACKOFF: Duration = Duration::from_secs(5);
/// A standby looks this often whether the lease is free.
const STANDBY_INTERVAL: Duration = Duration::from_millis(500);

/// What every leadership needs.
pub(crate) struct Driver {
    pub(crate) options: Arc<Options>,
    pub(crate) store: Arc<dyn Store>,
    /// Name in the lease row.
    pub(crate) holder: String,
    pub(crate) inbox: Inbox,
    pub(crate) watches: Arc<WatchHub>,
    pub(crate) lease: Arc<LeaseTerm>,
    /// Tells whether this coordinator leads.
    pub(crate) leading: watch::Sender<bool>,
    pub(crate) shutdown: CancellationToken,
}

impl Driver {
    /// Leads until shutdown.
    ///
    /// # Errors
    /// When the first leadership cannot begin; later ones are tried again.
    pub(crate) async fn run(mut self) -> Result<(), CoordinatorError> {
        let mut backoff = MIN_BACKOFF;
        let mut has_led = false;
        while !self.shutdown.is_cancelled() {
            let began = Instant::now();
            match self.take_over().await {
                Ok(Some(leader)) => {
                    has_led = true;
                    if self.lead(leader).await {
                        return Ok(());
                    }
                }
                Ok(None) => return Ok(()),
                Err(error) if !has_led => return Err(error),
                Err(error) => tracing::error!(%error, "cannot lead; trying again"),
            }
            if began.elapsed() > MAX_BACKOFF {
                backoff = MIN_BACKOFF;
            }
            let pause = tokio::time::sleep(backoff);
            backoff = (backoff * 2).min(MAX_BACKOFF);
            self.refuse_until(pause).await;
        }
        Ok(())
    }

    /// One leadership. True when it ended because of the shutdown.
    async fn lead(&mut self, mut leader: Leader) -> bool {
        let epoch = leader.epoch();
        self.leading.send_replace(true);
        tracing::info!(epoch = epoch.0, "leading");
        let lead = leader.lead(&mut self.inbox, &self.shutdown);
        // Nothing of the leader is used after a panic but its callers.
        let ended = AssertUnwindSafe(lead).catch_unwind().await;
        self.lease.end();
        self.leading.send_replace(false);
        self.watches.close_all();
        match ended {
            Ok(Ended::Shutdown) => {
                if let Err(error) = self.store.resign(epoch).await {
                    tracing::warn!(%error, "the lease could not be given up; it ends by itself");
                }
                return true;
            }
            Ok(Ended::Lost) => tracing::warn!(epoch = epoch.0, "leadership lost; loading again"),
            Err(_) => {
                tracing::error!(
                    epoch = epoch.0,
                    "the model panicked; loading again from the store"
                );
                leader.fail_callers(&ApiError::internal());
            }
        }
        false
    }

    /// Waits for the lease and loads. `None` on shutdown.
    async fn take_over(&mut self) -> Result<Option<Leader>, CoordinatorError> {
        let Some((epoch, since)) = self.acquire().await? else {
            return Ok(None);
        };
        let store = Arc::clone(&self.store);
        let Some(stored) = self
            .refuse_until(async move { store.load(epoch).await })
            .await
        else {
            return Ok(None);
        };
        let (snapshot, clock) = load::snapshot(epoch, stored?)?;
        tracing::info!(
            epoch = epoch.0,
            turn = snapshot.turn.0,
            jobs = snapshot.jobs.len(),
            nodes = snapshot.nodes.len(),
            "loaded"
        );
        self.lease.extend(since, self.options.lease);
        Ok(Some(Leader::new(self, snapshot, clock)))
    }

    async fn acquire(&mut self) -> Result<Option<(Epoch, Instant)>, CoordinatorError> {
        let mut told = String::new();
        loop {
            let since = Instant::now();
            let (store, holder) = (Arc::clone(&self.store), self.holder.clone());
            let term = self.options.lease;
            let attempt = async move { store.acquire(&holder, term).await };
            let Some(acquired) = self.refuse_until(attempt).await else {
                return Ok(None);
            };
            match acquired? {
                Acquired::Leader { epoch } => return Ok(Some((epoch, since))),
                Acquired::HeldBy { holder, remaining } => {
                    if told != holder {
                        tracing::info!(%holder, ?remaining, "another coordinator leads; standing by");
                        told = holder;
                    }
                    let pause = remaining.clamp(Duration::from_millis(10), STANDBY_INTERVAL);
                    self.refuse_until(tokio::time::sleep(pause)).await;
                }
            }
        }
    }

    /// Awaits `work` and meanwhile sends everybody away: nobody leads. `None` on shutdown.
    async fn refuse_until<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return Some(done),
                () = self.shutdown.cancelled() => return None,
                // Dropped with its session: the agent's stream ends, and it dials again.
                Some(control) = self.inbox.control.recv() => drop(control),
                Some(request) = self.inbox.requests.recv() => {
                    let _ = request.reply.send(Err(ApiError::interrupted()));
                }
            }
        }
    }
}
