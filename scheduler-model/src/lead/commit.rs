//! Commits: sent one at a time, followed by their verdicts.

use std::{sync::Arc, time::Duration};

use super::{Ended, Lead, blame::Stepped};
use crate::{
    Action, Epoch, Transition, TurnNumber,
    record::{self, Line},
    turn::{CommitOutcome, SealedTurn, Verdict},
};

/// Before the lease is read or a commit sent again, after one went wrong.
const PAUSE: Duration = Duration::from_millis(50);

/// What the clocks of a host show.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clocks {
    /// The one that everything else goes by. It may stand still while the host sleeps.
    pub now: Duration,
    /// Time since the host was started, also while it slept: a lease that others hold against this host goes on meanwhile.
    pub since_boot: Duration,
}

/// How a commit came back.
#[derive(Clone, Copy, Debug)]
pub enum Landing {
    Answered(CommitOutcome),
    /// What writes it has panicked, perhaps after it was written. That would happen again.
    Panicked,
}

/// What follows from an answer of the store.
#[derive(Debug)]
pub enum Follow {
    /// It is durable: perform these in order. The lease counts from `renewed_at`, on the clock since boot.
    Perform {
        turn: TurnNumber,
        actions: Vec<Action>,
        transitions: Vec<Transition>,
        renewed_at: Duration,
    },
    /// Read the lease row, no longer than to the end of the lease; then [`Lead::lease_shows`] or
    /// [`Lead::lease_unreadable`]. Nothing else is done meanwhile.
    ReadLease,
    /// Then [`Lead::resume`]. Nothing else is done meanwhile.
    Pause(Duration),
    /// Commit this again; then [`Lead::landed`].
    Send(Arc<SealedTurn>),
    End(Ended),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Awaited {
    #[default]
    Nothing,
    Commit,
    /// The lease row.
    Lease,
    /// The moment to read the lease row again.
    ReadAgain,
    /// The moment to send the turn again.
    SendAgain,
}

/// The turn that was sealed last.
#[derive(Debug, Default)]
pub(super) struct Flight {
    awaited: Awaited,
    /// When it was sent first. Whatever becomes of it, it is waited for no longer than a lease from here.
    began_at: Duration,
    /// When it was sent last: its lease counts from there.
    sent: Clocks,
    pub(super) stepped: Stepped,
    sealed: Option<Arc<SealedTurn>>,
    has_panicked: bool,
}

impl Flight {
    pub(super) fn is_awaited(&self) -> bool {
        self.awaited != Awaited::Nothing
    }

    /// Nothing is done but to wait for the store.
    pub(super) fn is_exclusive(&self) -> bool {
        !matches!(self.awaited, Awaited::Nothing | Awaited::Commit)
    }
}

impl<Connection> Lead<Connection> {
    /// When a commit is due, if only to renew the lease.
    pub(super) fn renew_at(&self) -> Duration {
        self.flight.sent.now + self.terms.lease / 3
    }

    /// When another may lead, if the commit in flight does not renew the lease.
    pub fn lease_end(&self) -> Duration {
        self.flight.began_at + self.terms.lease
    }

    /// The turn that was sealed last.
    pub fn sealed(&self) -> Option<&Arc<SealedTurn>> {
        self.flight.sealed.as_ref()
    }

    /// Closes the open turn, to be sent now; then [`Lead::landed`].
    ///
    /// # Panics
    /// When another is in flight.
    pub fn seal(&mut self, sent: Clocks) -> Arc<SealedTurn> {
        let sealed = self.turn.seal(self.clock.at(sent.now));
        self.take_off(sent, sealed)
    }

    /// The same, with the line that its replay has to give.
    ///
    /// # Panics
    /// When another is in flight.
    pub fn seal_for_record(&mut self, sent: Clocks) -> (Arc<SealedTurn>, Line<'static>) {
        let now = self.clock.at(sent.now);
        let (sealed, digest) = record::seal(&mut self.turn, now);
        let turn = sealed.turn;
        let line = Line::Sealed { turn, now, digest };
        (self.take_off(sent, sealed), line)
    }

    fn take_off(&mut self, sent: Clocks, sealed: Arc<SealedTurn>) -> Arc<SealedTurn> {
        self.flight = Flight {
            awaited: Awaited::Commit,
            began_at: sent.now,
            sent,
            stepped: std::mem::take(&mut self.stepped),
            sealed: Some(Arc::clone(&sealed)),
            has_panicked: false,
        };
        sealed
    }

    /// The commit in flight has come back.
    ///
    /// # Panics
    /// When none is in flight.
    pub fn landed(&mut self, clocks: Clocks, landing: Landing) -> Follow {
        let outcome = match landing {
            Landing::Answered(outcome) => outcome,
            Landing::Panicked => CommitOutcome::Unknown,
        };
        self.flight.has_panicked = matches!(landing, Landing::Panicked);
        let verdict = self.turn.committed_as(outcome);
        self.follow(clocks, verdict)
    }

    /// The lease row has been read.
    ///
    /// # Panics
    /// When nobody had to.
    pub fn lease_shows(&mut self, clocks: Clocks, epoch: Epoch, turn: TurnNumber) -> Follow {
        let verdict = self.turn.resolve(epoch, turn);
        self.follow(clocks, verdict)
    }

    /// The lease row could not be read. It is asked for until the lease has run out: then another may lead, and nothing is
    /// known.
    pub fn lease_unreadable(&mut self, now: Duration) -> Follow {
        if now + PAUSE >= self.lease_end() {
            return Follow::End(Ended::RanOut);
        }
        self.flight.awaited = Awaited::ReadAgain;
        Follow::Pause(PAUSE)
    }

    /// A pause is over.
    ///
    /// # Panics
    /// When there was none.
    pub fn resume(&mut self, clocks: Clocks) -> Follow {
        if clocks.now >= self.lease_end() {
            return Follow::End(Ended::RanOut);
        }
        match self.flight.awaited {
            Awaited::ReadAgain => {
                self.flight.awaited = Awaited::Lease;
                Follow::ReadLease
            }
            Awaited::SendAgain => {
                self.flight.awaited = Awaited::Commit;
                self.flight.sent = clocks;
                let sealed = self.turn.in_flight().expect("a turn to send again");
                Follow::Send(Arc::clone(sealed))
            }
            awaited => panic!("no pause, but {awaited:?} is awaited"),
        }
    }

    fn follow(&mut self, clocks: Clocks, verdict: Verdict) -> Follow {
        self.flight.awaited = Awaited::Nothing;
        match verdict {
            Verdict::Perform {
                turn,
                actions,
                transitions,
            } => self.perform(clocks, turn, actions, transitions),
            // What makes the store panic does so every time.
            Verdict::SendAgain if self.flight.has_panicked => Follow::End(Ended::Poisoned),
            Verdict::SendAgain => {
                self.flight.awaited = Awaited::SendAgain;
                Follow::Pause(PAUSE)
            }
            Verdict::ReadLease => {
                self.flight.awaited = Awaited::Lease;
                Follow::ReadLease
            }
            Verdict::Reload { isolate: true } => Follow::End(Ended::Poisoned),
            Verdict::Reload { isolate: false } => Follow::End(Ended::Lost),
        }
    }

    fn perform(
        &mut self,
        clocks: Clocks,
        turn: TurnNumber,
        actions: Vec<Action>,
        transitions: Vec<Transition>,
    ) -> Follow {
        let renewed_at = self.flight.sent.since_boot;
        let took = clocks.now.saturating_sub(self.flight.began_at);
        self.terms.room.adapt(took, self.terms.lease);
        if clocks.since_boot >= renewed_at + self.terms.lease {
            return Follow::End(Ended::Late);
        }
        if self.units.is_empty() {
            self.care.relax(clocks.now);
        }
        Follow::Perform {
            turn,
            actions,
            transitions,
            renewed_at,
        }
    }
}
