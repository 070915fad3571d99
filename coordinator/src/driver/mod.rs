//! The only owner of the model: takes the lease, loads, leads, and does so again when it has to.
//!
//! Start-up and recovery are one path: whatever goes wrong with a leadership, memory is dropped and the next one begins
//! with what the store holds.

mod careful;
mod commit;
mod intake;
mod isolate;
mod lead;
mod lease;
mod load;
mod perform;
mod sessions;
mod suspicion;
mod take_over;

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::FutureExt as _;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    Options,
    error::{ApiError, CoordinatorError},
    inbox::{Control, Inbox},
    queues::QueueDefaults,
    record::Recorder,
    standing::Standing,
    store::Store,
    tally::{Count, Tally},
    watch::WatchHub,
};
use lead::{Ended, Leader};
pub(crate) use lease::LeaseTerm;
pub(crate) use sessions::Session;
pub(crate) use suspicion::Suspicion;

const MIN_BACKOFF: Duration = Duration::from_millis(100);
/// Between leaderships that are lost at once, so that whatever ends them is not made worse.
const MAX_BACKOFF: Duration = Duration::from_secs(5);
/// Between attempts to reach a database that does not answer.
const STORE_BACKOFF: Duration = Duration::from_millis(500);

/// What every leadership needs.
pub(crate) struct Driver {
    pub(crate) options: Arc<Options>,
    pub(crate) store: Arc<dyn Store>,
    /// Where others reach this coordinator; its name in the lease row.
    pub(crate) address: Arc<str>,
    pub(crate) inbox: Inbox,
    pub(crate) watches: Arc<WatchHub>,
    pub(crate) lease: Arc<LeaseTerm>,
    pub(crate) queues: Arc<QueueDefaults>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) recorder: Option<Recorder>,
    pub(crate) suspicion: Suspicion,
    /// Tells who leads.
    pub(crate) standing: watch::Sender<Standing>,
    pub(crate) shutdown: CancellationToken,
}

impl Driver {
    /// Leads whenever nobody else does, until shutdown.
    ///
    /// # Errors
    /// When it could neither lead nor stand by even once; later it tries again.
    pub(crate) async fn run(mut self) -> Result<(), CoordinatorError> {
        let outcome = self.lead_again_and_again().await;
        if let Some(recorder) = self.recorder.take() {
            // Waits for the disk.
            let _ = tokio::task::spawn_blocking(|| recorder.finish()).await;
        }
        outcome
    }

    async fn lead_again_and_again(&mut self) -> Result<(), CoordinatorError> {
        let mut backoff = MIN_BACKOFF;
        let mut told = String::new();
        while !self.shutdown.is_cancelled() {
            let began = Instant::now();
            let pause = match self.take_over().await {
                Ok(Some(leader)) => {
                    told.clear();
                    if self.lead(leader).await {
                        return Ok(());
                    }
                    if began.elapsed() > MAX_BACKOFF {
                        backoff = MIN_BACKOFF;
                    }
                    let longer = (backoff * 2).min(MAX_BACKOFF);
                    std::mem::replace(&mut backoff, longer)
                }
                Ok(None) => return Ok(()),
                Err(error) if self.is_new() => return Err(error),
                Err(error) => {
                    self.know_no_leader();
                    let error = error.to_string();
                    if told != error {
                        tracing::error!(error, "cannot lead or stand by; trying again");
                        told = error;
                    }
                    STORE_BACKOFF
                }
            };
            self.refuse_until(tokio::time::sleep(pause)).await;
        }
        Ok(())
    }

    /// One leadership. True when it ended because of the shutdown.
    async fn lead(&mut self, mut leader: Leader) -> bool {
        let epoch = leader.epoch();
        self.tally.add(Count::Leaderships);
        self.standing.send_replace(Standing {
            leads: true,
            epoch,
            leader: Some(Arc::clone(&self.address)),
        });
        tracing::info!(epoch = epoch.0, "leading");
        let lead = leader.lead(&mut self.inbox, &self.shutdown);
        // Nothing of the leader is used after a panic but its callers, counters, and what it was doing.
        let ended = AssertUnwindSafe(lead).catch_unwind().await;
        self.lease.end();
        self.know_no_leader();
        self.watches.close_all();
        leader.give_up();
        self.tally.keep(leader.counters());
        let poison = match ended {
            Ok(Ended::Shutdown) => {
                self.resign(epoch).await;
                return true;
            }
            Ok(Ended::Lost) => None,
            Ok(Ended::Poisoned) => leader.refused(),
            Err(_) => Some(leader.panicked()),
        };
        self.tally.add(Count::Reloads);
        self.suspicion.careful = leader.is_careful();
        match poison {
            None => tracing::warn!(epoch = epoch.0, "leadership lost; loading again"),
            Some(poison) => {
                self.tally.add(Count::PoisonEvents);
                tracing::error!(
                    epoch = epoch.0,
                    because = poison.reason(),
                    alone = poison.alone,
                    "an event cannot be taken; loading again"
                );
                if let Some(caller) = poison.caller {
                    leader.fail_caller(caller, ApiError::internal());
                }
                self.suspicion.note(epoch, poison);
            }
        }
        false
    }

    async fn resign(&self, epoch: drover_model::Epoch) {
        if let Err(error) = self.store.resign(epoch).await {
            tracing::warn!(%error, "the lease could not be given up; it ends by itself");
        }
    }

    /// True while it has neither led nor stood by.
    fn is_new(&self) -> bool {
        *self.standing.borrow() == Standing::default()
    }

    fn know_no_leader(&self) {
        self.standing.send_if_modified(|standing| {
            standing.leads = false;
            standing.leader.take().is_some()
        });
    }

    /// Awaits `work` and meanwhile sends everybody away: nobody leads, or another does. `None` on shutdown.
    async fn refuse_until<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return Some(done),
                () = self.shutdown.cancelled() => return None,
                Some(control) = self.inbox.control.recv() => self.refuse(control),
                Some(request) = self.inbox.requests.recv() => {
                    let _ = request.reply.send(Err(self.standing.borrow().refusal()));
                }
            }
        }
    }

    /// An agent hears where to go, and its stream ends with its session.
    fn refuse(&self, control: Control) {
        if let Control::Join { connection, .. } = control {
            let refusal = self.standing.borrow().refusal();
            let _ = connection.outgoing.try_send(Err(refusal.into()));
        }
    }
}
