//! Commits, and the IO that follows from their outcome.

use std::sync::Arc;

use drover_model::{
    lead::{Ended, Follow, Landing},
    turn::{CommitOutcome, SealedTurn},
};
use tokio::task::JoinHandle;

use super::leader::Leader;
use crate::{clock, tally::Count};

impl Leader {
    pub(super) fn start_commit(&mut self) {
        let clocks = clock::clocks();
        let sealed = match &mut self.record {
            None => self.lead.seal(clocks),
            Some(record) => {
                let (sealed, line) = self.lead.seal_for_record(clocks);
                record.write(&line);
                sealed
            }
        };
        self.send_commit(sealed);
    }

    /// On a task of its own, so that the next turn is stepped while this one is encoded and written.
    fn send_commit(&mut self, sealed: Arc<SealedTurn>) {
        let (store, term) = (Arc::clone(&self.store), self.options.lease);
        self.commit = Some(tokio::spawn(
            async move { store.commit(&sealed, term).await },
        ));
    }

    /// Follows what has become of the commit in flight. Gives why the leadership is over, if it is.
    pub(super) async fn settle(&mut self, landing: Landing) -> Option<Ended> {
        self.commit = None;
        self.count(landing);
        let was_careful = self.lead.is_careful();
        let mut follow = self.lead.landed(clock::clocks(), landing);
        loop {
            follow = match follow {
                Follow::Perform {
                    turn,
                    actions,
                    transitions,
                    renewed_at,
                } => {
                    if was_careful && !self.lead.is_careful() {
                        tracing::info!("nothing went wrong again; events are committed together");
                    }
                    self.lease.extend(renewed_at, self.options.lease);
                    self.take_over_settings();
                    self.perform(turn, actions, &transitions);
                    return None;
                }
                Follow::ReadLease => self.read_lease().await,
                Follow::Pause(pause) => {
                    tokio::time::sleep(pause).await;
                    self.lead.resume(clock::clocks())
                }
                Follow::Send(sealed) => {
                    self.tally.add(Count::CommitsSentAgain);
                    self.send_commit(sealed);
                    return None;
                }
                Follow::End(ended) => return Some(ended),
            };
        }
    }

    fn count(&self, landing: Landing) {
        if !matches!(landing, Landing::Answered(CommitOutcome::Done)) {
            let turn = self.lead.sealed().map(|sealed| sealed.turn.0);
            tracing::warn!(turn, ?landing, "commit");
        }
        let is_unknown = matches!(
            landing,
            Landing::Panicked | Landing::Answered(CommitOutcome::Unknown)
        );
        if is_unknown {
            self.tally.add(Count::UnknownCommits);
        }
    }

    async fn read_lease(&mut self) -> Follow {
        let end = clock::instant(self.lead.lease_end());
        match tokio::time::timeout_at(end.into(), self.store.lease()).await {
            Ok(Ok(lease)) => self
                .lead
                .lease_shows(clock::clocks(), lease.epoch, lease.turn),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the lease cannot be read");
                self.lead.lease_unreadable(clock::now())
            }
            Err(_) => self.lead.lease_unreadable(clock::now()),
        }
    }

    /// Before anybody hears that they are set.
    fn take_over_settings(&self) {
        if let Some(sealed) = self.lead.sealed() {
            self.queues.update(&sealed.queues);
        }
    }

    /// Waits for nothing any more. A commit that is still under way is fenced by the next epoch.
    pub(super) fn give_up(&mut self) {
        if let Some(commit) = self.commit.take() {
            commit.abort();
        }
    }
}

/// How the commit in flight came back; never, if there is none.
pub(super) async fn landing(commit: &mut Option<JoinHandle<CommitOutcome>>) -> Landing {
    match commit {
        Some(commit) => match commit.await {
            Ok(outcome) => Landing::Answered(outcome),
            Err(_) => Landing::Panicked,
        },
        None => std::future::pending().await,
    }
}
