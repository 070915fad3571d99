//! The only owner of the model: takes the lease, loads, leads, and does so again when it has to.
//!
//! Start-up and recovery are one path: whatever goes wrong with a leadership, memory is dropped and the next one begins
//! with what the store holds.
//!
//! What is decided on the way, and when, is decided by [`drover_model::lead`]; here is the IO.

mod commit;
mod fall_back;
mod intake;
mod isolate;
mod keeper;
mod leader;
mod lease;
mod load;
mod perform;
mod sessions;
mod take_over;

use std::{panic::AssertUnwindSafe, sync::Arc};

use drover_model::{
    Epoch,
    lead::{Aftermath, Backoff, Ended, KEPT_OUT, Room, STORE_PAUSE, Suspicion},
};
use futures_util::FutureExt as _;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    Options, clock,
    error::{ApiError, CoordinatorError},
    inbox::{Control, Inbox},
    queues::QueueDefaults,
    record::Recorder,
    standing::Standing,
    store::Store,
    tally::{Count, Tally},
    watch::WatchHub,
};
use leader::Leader;
pub(crate) use lease::LeaseTerm;
pub(crate) use sessions::Session;

/// What every leadership needs.
pub(crate) struct Driver {
    pub(crate) options: Arc<Options>,
    pub(crate) store: Arc<dyn Store>,
    /// Where others reach this coordinator; its name in the lease row.
    pub(crate) address: Arc<str>,
    /// Tells it from others that give the same address, which they should not.
    pub(crate) instance: Uuid,
    pub(crate) inbox: Inbox,
    pub(crate) watches: Arc<WatchHub>,
    pub(crate) lease: Arc<LeaseTerm>,
    pub(crate) queues: Arc<QueueDefaults>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) recorder: Option<Recorder>,
    pub(crate) suspicion: Suspicion,
    /// The policy that panicked in a round of the last leadership.
    pub(crate) panicked: Option<Box<str>>,
    /// What the open turn of the next leadership may gather to begin with.
    pub(crate) room: Room,
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
        let mut backoff = Backoff::default();
        let mut told = String::new();
        while !self.shutdown.is_cancelled() {
            let pause = match Box::pin(self.take_over()).await {
                Ok(Some(leader)) => {
                    told.clear();
                    let began = clock::now();
                    if self.lead(leader).await {
                        return Ok(());
                    }
                    backoff.pause(clock::now().saturating_sub(began))
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
                    STORE_PAUSE
                }
            };
            self.refuse_until(tokio::time::sleep(pause)).await;
        }
        Ok(())
    }

    /// One leadership. True when it ended because of the shutdown.
    async fn lead(&mut self, mut leader: Leader) -> bool {
        let epoch = leader.lead.epoch();
        self.tally.add(Count::Leaderships);
        self.standing.send_replace(Standing {
            leads: true,
            epoch,
            leader: Some(Arc::clone(&self.address)),
        });
        tracing::info!(epoch = epoch.0, "leading");
        let running = leader.run(&mut self.inbox, &self.shutdown);
        // Nothing of the leader is used after a panic but its callers, counters, and what it was doing.
        let ended = AssertUnwindSafe(running).catch_unwind().await.ok();
        self.lease.end();
        self.know_no_leader();
        self.watches.close_all();
        leader.give_up();
        self.tally.keep(leader.lead.cluster().counters());
        if matches!(ended, Some(Ended::Shutdown)) {
            self.resign(epoch).await;
            return true;
        }
        self.tally.add(Count::Reloads);
        let mut aftermath = leader.lead.aftermath(ended);
        if ended.is_none() && self.may_blame_policy(&leader) {
            // No job is at fault for that.
            aftermath.poison = None;
            self.panicked = Some(leader.lead.cluster().config().policy.name().into());
        }
        self.tell_of_end(epoch, ended, &aftermath);
        self.room = aftermath.room;
        if let Some(poison) = &aftermath.poison {
            self.tally.add(Count::PoisonEvents);
            if let Some(caller) = poison.caller {
                leader.fail_caller(caller, ApiError::internal());
            }
        }
        let kept_out = self.suspicion.note(clock::now(), epoch, aftermath);
        if let Some(node) = kept_out {
            tracing::error!(%node, for_how_long = ?KEPT_OUT, "a node is kept out: its join cannot be taken");
        }
        false
    }

    /// Whether it panicked while the policy decided, and there is another to go on with.
    fn may_blame_policy(&self, leader: &Leader) -> bool {
        let in_use = leader.lead.cluster().config().policy.name();
        leader.lead.is_deciding() && in_use != self.options.fallback.name()
    }

    fn tell_of_end(&self, epoch: Epoch, ended: Option<Ended>, aftermath: &Aftermath) {
        let epoch = epoch.0;
        match (&aftermath.poison, ended) {
            (Some(poison), _) => tracing::error!(
                epoch,
                because = poison.reason(),
                alone = poison.alone,
                "an event cannot be taken; loading again"
            ),
            (None, Some(Ended::RanOut)) => {
                tracing::error!(
                    epoch,
                    "the lease has run out without a commit; loading again"
                );
            }
            (None, Some(Ended::Late)) => {
                self.tally.add(Count::LateCommits);
                tracing::error!(epoch, "a commit came back after its lease; loading again");
            }
            (None, _) => tracing::warn!(epoch, "leadership lost; loading again"),
        }
    }

    async fn resign(&self, epoch: Epoch) {
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
