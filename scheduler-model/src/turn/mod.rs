//! The commit cycle: one turn = one group commit, strictly serial.
//!
//! While a commit is in flight the open turn goes on absorbing effects. What a commit's turn wants performed is handed
//! out only when that commit is known to have happened.
//!
//! ```text
//!   Idle --seal--> InFlight --Done------------------------------> Idle   (perform)
//!                     |  ^
//!                     |  +--Send again: the row still shows k-1
//!                     +--Unknown--> Resolving --row shows k-----> Idle   (perform)
//!                     |                 +--another epoch--------> Lost
//!                     +--Fenced, Surprised, Refused-------------> Lost   (reload)
//! ```

mod coalesce;

use std::sync::Arc;

use crate::{
    Action, AttemptRow, Effects, Epoch, EstimateRow, JobRow, NodeRow, PolicyEventRow, QueueRow,
    Timestamp, Transition, TurnNumber,
};

/// The rows of one commit, each touched once.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct SealedTurn {
    pub epoch: Epoch,
    /// The number that the lease row gets; it must show the one before.
    pub turn: TurnNumber,
    pub model_time: Timestamp,
    pub jobs: Vec<JobRow>,
    pub attempts: Vec<AttemptRow>,
    pub nodes: Vec<NodeRow>,
    pub queues: Vec<QueueRow>,
    /// In the order in which they happened.
    pub policy_events: Vec<PolicyEventRow>,
    pub estimates: Vec<EstimateRow>,
}

/// What the store says of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitOutcome {
    Done,
    /// The lease row shows another epoch or turn: nothing was written.
    Fenced,
    /// A guard matched another number of rows than it must: nothing was written.
    Surprised,
    /// The content was refused, and would be again: nothing was written.
    Refused,
    /// The connection broke: it may have happened or not.
    Unknown,
}

/// What to do next about the turn in flight.
#[derive(Debug, PartialEq)]
pub enum Verdict {
    /// It is durable: perform these in order.
    Perform {
        turn: TurnNumber,
        actions: Vec<Action>,
        transitions: Vec<Transition>,
    },
    /// Read the lease row and say [`Turn::resolve`].
    ReadLease,
    /// Commit [`Turn::in_flight`] again.
    SendAgain,
    /// Drop memory, close sessions, watches and callers, take a new epoch, load. `isolate`: something in this turn cannot
    /// be written; let events come back one per commit until it is found.
    Reload { isolate: bool },
}

#[derive(Debug, PartialEq)]
enum Phase {
    Idle,
    InFlight(Flight),
    Resolving(Flight),
    Lost,
}

#[derive(Debug, PartialEq)]
struct Flight {
    sealed: Arc<SealedTurn>,
    actions: Vec<Action>,
    transitions: Vec<Transition>,
}

/// The machine. Lives as long as one leadership.
#[derive(Debug)]
pub struct Turn {
    epoch: Epoch,
    /// The last turn known to be durable.
    committed: TurnNumber,
    open: Effects,
    phase: Phase,
}

impl Turn {
    pub fn new(epoch: Epoch, committed: TurnNumber) -> Self {
        Self {
            epoch,
            committed,
            open: open(committed.next()),
            phase: Phase::Idle,
        }
    }

    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Where steps write.
    pub fn effects(&mut self) -> &mut Effects {
        &mut self.open
    }

    /// What steps have written since the last turn was sealed.
    pub fn open(&self) -> &Effects {
        &self.open
    }

    /// True when the open turn could be sealed now and holds something.
    pub fn ready(&self) -> bool {
        self.phase == Phase::Idle && !self.open.is_empty()
    }

    /// Closes the open turn, also an empty one (which renews the lease), and puts it in flight.
    ///
    /// # Panics
    /// When another is in flight.
    pub fn seal(&mut self, now: Timestamp) -> Arc<SealedTurn> {
        assert_eq!(self.phase, Phase::Idle, "one commit at a time");
        let next = open(self.open.turn.next());
        let Effects {
            turn,
            jobs,
            spec_bytes: _,
            attempts,
            nodes,
            queues,
            policy_events,
            estimates,
            actions,
            transitions,
        } = std::mem::replace(&mut self.open, next);
        let sealed = Arc::new(SealedTurn {
            epoch: self.epoch,
            turn,
            model_time: now,
            jobs: coalesce::jobs(jobs),
            attempts: coalesce::attempts(attempts),
            nodes: coalesce::nodes(nodes),
            queues: coalesce::queues(queues),
            policy_events,
            estimates: coalesce::estimates(estimates),
        });
        self.phase = Phase::InFlight(Flight {
            sealed: Arc::clone(&sealed),
            actions,
            transitions,
        });
        sealed
    }

    /// The turn whose outcome is awaited.
    pub fn in_flight(&self) -> Option<&Arc<SealedTurn>> {
        match &self.phase {
            Phase::InFlight(flight) | Phase::Resolving(flight) => Some(&flight.sealed),
            Phase::Idle | Phase::Lost => None,
        }
    }

    /// The store has answered the commit in flight.
    ///
    /// # Panics
    /// When none is.
    pub fn committed_as(&mut self, outcome: CommitOutcome) -> Verdict {
        let Phase::InFlight(flight) = std::mem::replace(&mut self.phase, Phase::Lost) else {
            panic!("no commit in flight");
        };
        match outcome {
            CommitOutcome::Done => self.land(flight),
            CommitOutcome::Unknown => {
                self.phase = Phase::Resolving(flight);
                Verdict::ReadLease
            }
            CommitOutcome::Fenced => Verdict::Reload { isolate: false },
            CommitOutcome::Surprised | CommitOutcome::Refused => Verdict::Reload { isolate: true },
        }
    }

    /// The lease row shows this, after a commit whose outcome was unknown.
    ///
    /// # Panics
    /// When no outcome is unknown.
    pub fn resolve(&mut self, epoch: Epoch, turn: TurnNumber) -> Verdict {
        let Phase::Resolving(flight) = std::mem::replace(&mut self.phase, Phase::Lost) else {
            panic!("no outcome is unknown");
        };
        if epoch != self.epoch {
            Verdict::Reload { isolate: false }
        } else if turn == flight.sealed.turn {
            self.land(flight)
        } else if turn == self.committed {
            self.phase = Phase::InFlight(flight);
            Verdict::SendAgain
        } else {
            Verdict::Reload { isolate: false }
        }
    }

    fn land(&mut self, flight: Flight) -> Verdict {
        self.committed = flight.sealed.turn;
        self.phase = Phase::Idle;
        Verdict::Perform {
            turn: self.committed,
            actions: flight.actions,
            transitions: flight.transitions,
        }
    }
}

fn open(turn: TurnNumber) -> Effects {
    Effects {
        turn,
        ..Effects::default()
    }
}
