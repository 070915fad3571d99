//! Commits: sent one at a time, followed by their verdicts.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use drover_model::{
    record::{self, Line},
    turn::{CommitOutcome, SealedTurn, Verdict},
};
use tokio::task::JoinHandle;

use super::{
    careful::Stepped,
    lead::{Ended, Leader},
    suspicion::{Poison, What},
};
use crate::{
    clock,
    store::{Lease, Store},
    tally::Count,
};

/// Before the lease is read or a commit sent again, after one went wrong.
const BACKOFF: Duration = Duration::from_millis(50);

/// The turn that was sealed last.
#[derive(Debug)]
pub(super) struct Flight {
    /// When it was sent first. Whatever becomes of it, it is waited for no longer than a lease from here.
    began_at: Instant,
    /// When it was sent last: its lease counts from there.
    sent_at: Instant,
    /// The same, on the clock of the lease.
    sent_since_boot: Duration,
    stepped: Stepped,
    sealed: Option<Arc<SealedTurn>>,
}

impl Default for Flight {
    fn default() -> Self {
        let now = Instant::now();
        Self {
            began_at: now,
            sent_at: now,
            sent_since_boot: clock::since_boot(),
            stepped: Stepped::default(),
            sealed: None,
        }
    }
}

/// How a commit came back.
pub(super) enum Landed {
    Answered(CommitOutcome),
    /// The store panicked. It may have committed before.
    Panicked,
}

impl Leader {
    pub(super) fn renew_at(&self) -> Instant {
        self.flight.sent_at + self.options.lease / 3
    }

    /// When another may lead, if the commit in flight does not renew the lease.
    pub(super) fn lease_end(&self) -> Instant {
        self.flight.began_at + self.options.lease
    }

    pub(super) fn start_commit(&mut self) {
        let now = self.clock.now();
        let sealed = match &mut self.record {
            None => self.turn.seal(now),
            Some(recorded) => {
                let (sealed, digest) = record::seal(&mut self.turn, now);
                recorded.write(&Line::Sealed {
                    turn: sealed.turn,
                    now,
                    digest,
                });
                sealed
            }
        };
        self.flight = Flight {
            stepped: std::mem::take(&mut self.stepped),
            sealed: Some(Arc::clone(&sealed)),
            ..Flight::default()
        };
        self.send_commit(sealed);
    }

    /// On a task of its own, so that the next turn is stepped while this one is encoded and written.
    fn send_commit(&mut self, sealed: Arc<SealedTurn>) {
        let (store, term) = (Arc::clone(&self.store), self.options.lease);
        self.flight.sent_at = Instant::now();
        self.flight.sent_since_boot = clock::since_boot();
        self.commit = Some(tokio::spawn(
            async move { store.commit(&sealed, term).await },
        ));
    }

    /// Follows the verdict on the commit that has just been answered.
    pub(super) async fn settle(&mut self, landed: Landed) -> Option<Ended> {
        self.commit = None;
        let outcome = match landed {
            Landed::Answered(outcome) => outcome,
            Landed::Panicked => CommitOutcome::Unknown,
        };
        if outcome != CommitOutcome::Done {
            tracing::warn!(turn = self.turn.committed().next().0, ?outcome, "commit");
        }
        if outcome == CommitOutcome::Unknown {
            self.tally.add(Count::UnknownCommits);
        }
        let mut verdict = self.turn.committed_as(outcome);
        loop {
            match verdict {
                Verdict::Perform {
                    turn,
                    actions,
                    transitions,
                } => {
                    if clock::since_boot() >= self.flight.sent_since_boot + self.options.lease {
                        // It is durable, but another may lead by now, who knows it from the store.
                        self.tally.add(Count::LateCommits);
                        return Some(self.step_down());
                    }
                    self.lease
                        .extend(self.flight.sent_since_boot, self.options.lease);
                    self.take_over_settings();
                    self.perform(turn, actions, &transitions);
                    if self.units.is_empty() {
                        self.care.relax();
                    }
                    return None;
                }
                // What makes the store panic does so every time.
                Verdict::SendAgain if matches!(landed, Landed::Panicked) => {
                    return Some(Ended::Poisoned);
                }
                Verdict::SendAgain => return self.send_again().await,
                Verdict::ReadLease => {
                    match read_lease(Arc::clone(&self.store), self.lease_end()).await {
                        Some(lease) => verdict = self.turn.resolve(lease.epoch, lease.turn),
                        None => return Some(self.step_down()),
                    }
                }
                Verdict::Reload { isolate: true } => return Some(Ended::Poisoned),
                Verdict::Reload { isolate: false } => return Some(Ended::Lost),
            }
        }
    }

    async fn send_again(&mut self) -> Option<Ended> {
        tokio::time::sleep(BACKOFF).await;
        if Instant::now() >= self.lease_end() {
            return Some(self.step_down());
        }
        self.tally.add(Count::CommitsSentAgain);
        let sealed = Arc::clone(self.turn.in_flight().expect("a turn to send again"));
        self.send_commit(sealed);
        None
    }

    /// Before anybody hears that they are set.
    fn take_over_settings(&self) {
        if let Some(sealed) = &self.flight.sealed {
            self.queues.update(&sealed.queues);
        }
    }

    /// The lease has run out, and whether the commit in flight has renewed it is not known.
    pub(super) fn step_down(&mut self) -> Ended {
        tracing::error!(
            epoch = self.epoch().0,
            "the lease has run out without a commit; stepping down"
        );
        Ended::Lost
    }

    /// Waits for nothing any more. A commit that is still under way is fenced by the next epoch.
    pub(super) fn give_up(&mut self) {
        if let Some(commit) = self.commit.take() {
            commit.abort();
        }
    }

    /// What the store has refused.
    pub(super) fn refused(&self) -> Option<Poison> {
        let sealed = self.flight.sealed.clone()?;
        Some(self.flight.stepped.refused(What::Refused(sealed)))
    }

    /// Commits what is open and answers its callers.
    pub(super) async fn finish(&mut self) -> Ended {
        loop {
            if self.commit.is_none() {
                if !self.turn.ready() {
                    return Ended::Shutdown;
                }
                self.start_commit();
            }
            let end = self.lease_end().into();
            let Ok(landed) = tokio::time::timeout_at(end, landed(&mut self.commit)).await else {
                return self.step_down();
            };
            if let Some(ended) = self.settle(landed).await {
                return ended;
            }
        }
    }
}

/// Asks until the lease has run out: then another may lead, and nothing is known.
async fn read_lease(store: Arc<dyn Store>, end: Instant) -> Option<Lease> {
    loop {
        match tokio::time::timeout_at(end.into(), store.lease()).await {
            Ok(Ok(lease)) => return Some(lease),
            Ok(Err(error)) => tracing::warn!(%error, "the lease cannot be read"),
            Err(_) => return None,
        }
        if Instant::now() + BACKOFF >= end {
            return None;
        }
        tokio::time::sleep(BACKOFF).await;
    }
}

/// How the commit in flight came back; never, if there is none.
pub(super) async fn landed(commit: &mut Option<JoinHandle<CommitOutcome>>) -> Landed {
    match commit {
        Some(commit) => match commit.await {
            Ok(outcome) => Landed::Answered(outcome),
            Err(_) => Landed::Panicked,
        },
        None => std::future::pending().await,
    }
}
