//! The agent's side: which attempts it holds, and what it still has to report.
//!
//! The connection:
//!
//! ```text
//!   Apart --Connected--> Joining --Welcome--> Joined
//!     ^                     |                    |
//!     +----Disconnected-----+----Disconnected----+
//! ```
//!
//! An attempt:
//!
//! ```text
//!   unknown --Assigned----------------> Held --Ended--------------------------> Reported --Acknowledged--> unknown
//!      |                                |  |                                      ^  ^
//!      |                                |  +--LeaseOver--> Fenced --Ended---------+  |
//!      |                                |                    |    (as FENCED)        |
//!      |                                +--Welcome.discard---+-> Discarded --Ended---|--> unknown
//!      +--refused (Stop of what is not held; Assigned while leaving, or after the lease); recovered from the journal
//! ```
//!
//! An attempt that was accepted is remembered until the report of its end has been acknowledged, so that an assignment
//! that arrives twice runs once. While the outbox is full, assignments are passed over: a later join brings them back.
//!
//! The lease: attempts with [`OnDisconnect::Stop`] are killed ([`Input::LeaseOver`]) when the coordinator has
//! confirmed nothing for `lease_ms` that was sent since. What was fenced stays so, whatever the next welcome says; one
//! that ended by itself before counts as it ended. After the lease such an assignment, sent before, is refused: by
//! then the task may run elsewhere.
//!
//! Attempts end with the agent's process. What had ended before, and was not acknowledged, outlives it in the
//! journal: reports are given out to be appended, and the next incarnation sends them first.

mod attempts;
mod connection;
mod input;
mod lease;
mod leave;
mod outbox;
mod report;

use crate::{
    Assignment, AttemptKey, Epoch, OnDisconnect, Outcome, Report, ReportBatch, ReportKind,
    Timestamp,
};

use attempts::Attempts;
pub use input::{Elapsed, End, Identity, Input, Output, Reason, Welcome};
use lease::{Heartbeats, Lease};
use outbox::Outbox;

/// Reports that one message carries at most: it stays below the usual limit of 4 MiB.
pub const REPORTS_PER_MESSAGE: usize = 1_000;

/// How a session behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Reports kept unacknowledged before the session is closed and new assignments are passed over.
    pub outbox_limit: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            outbox_limit: 100_000,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Apart,
    Joining { since: Elapsed },
    Joined { heartbeats_unanswered_limit: usize },
}

/// The machine. Lives as long as one agent process.
#[derive(Debug)]
pub struct Session {
    identity: Identity,
    options: Options,
    phase: Phase,
    epoch: Epoch,
    attempts: Attempts,
    outbox: Outbox,
    heartbeats: Heartbeats,
    lease: Lease,
    /// Something was given out for the journal since it was last empty.
    journaled: bool,
    /// The outbox was full; nothing new is accepted until it is half empty.
    draining: bool,
    /// An assignment was passed over while draining. Only a new join brings it back.
    passed_over: bool,
    leaving: bool,
}

impl Session {
    /// With what the journal of the incarnation before holds, in order.
    pub fn new(identity: Identity, options: Options, recovered: Vec<Report>) -> Self {
        let mut session = Self {
            identity,
            options,
            phase: Phase::Apart,
            epoch: Epoch::default(),
            attempts: Attempts::default(),
            outbox: Outbox::default(),
            heartbeats: Heartbeats::default(),
            lease: Lease::default(),
            journaled: !recovered.is_empty(),
            draining: false,
            passed_over: false,
            leaving: false,
        };
        for report in recovered {
            session.recover(report);
        }
        session.draining = session.outbox.len() >= options.outbox_limit;
        session
    }

    /// Takes one input, and appends what follows from it.
    ///
    /// # Panics
    /// When the executor reports on an attempt that it was not told to start, or twice.
    pub fn step(&mut self, input: Input, outputs: &mut Vec<Output>) {
        match input {
            Input::Connected { now } => self.join(now, outputs),
            Input::Welcome(welcome) => self.welcome(welcome, outputs),
            Input::Assigned {
                assignment,
                now,
                elapsed,
            } => self.assigned(assignment, now, elapsed, outputs),
            Input::Stop { key, grace_ms, now } => self.stop(key, grace_ms, now, outputs),
            Input::Acknowledged { sequence } => self.acknowledged(sequence, outputs),
            Input::HeartbeatAcknowledged { number } => self.heartbeat_acknowledged(number, outputs),
            Input::LeaseOver { now } => self.lease_over(now, outputs),
            Input::Disconnected => self.phase = Phase::Apart,
            Input::Started { key, at } => self.attempts.started(key, at),
            Input::Ended { key, end } => self.ended(key, end, outputs),
            Input::HeartbeatDue {
                now,
                cpu_permille,
                memory_permille,
            } => self.heartbeat(now, cpu_permille, memory_permille, outputs),
            Input::Leave { longest_grace_ms } => self.leave(longest_grace_ms, outputs),
        }
    }

    /// True when [`Session::take_reports`] has something.
    pub fn has_reports(&self) -> bool {
        matches!(self.phase, Phase::Joined { .. })
            && (self.outbox.has_unsent() || self.attempts.has_unannounced())
    }

    /// Everything that has to be reported and was not yet sent over this connection, up to
    /// [`REPORTS_PER_MESSAGE`]. Call it when nothing else is waiting to be stepped: an attempt that has ended by then
    /// needs no report of its start.
    pub fn take_reports(&mut self) -> Option<ReportBatch> {
        if !self.has_reports() {
            return None;
        }
        self.announce_starts();
        self.outbox.take_unsent(REPORTS_PER_MESSAGE)
    }

    /// True when every report has been acknowledged.
    pub fn is_settled(&self) -> bool {
        self.outbox.is_empty() && !self.attempts.holds_any()
    }

    /// What the journal has to hold, oldest first: to write it anew when it has grown.
    pub fn unacknowledged(&self) -> impl Iterator<Item = &Report> {
        self.outbox
            .iter()
            .filter(|report| matches!(report.what, ReportKind::Ended { .. }))
    }

    /// When [`Input::LeaseOver`] is due. `None` when nothing runs that must not outlive the lease.
    pub fn lease_end(&self) -> Option<Elapsed> {
        self.lease.end().filter(|_| self.attempts.holds_leased())
    }

    /// Longest time from SIGTERM to SIGKILL then.
    pub fn fence_grace_ms(&self) -> u32 {
        self.lease.fence_grace_ms(u32::MAX)
    }

    fn assigned(
        &mut self,
        assignment: Assignment,
        now: Timestamp,
        elapsed: Elapsed,
        outputs: &mut Vec<Output>,
    ) {
        if !matches!(self.phase, Phase::Joined { .. }) {
            return outputs.push(Output::Close(Reason::Unexpected("Assignments")));
        }
        let Assignment {
            key,
            on_disconnect,
            grace_ms,
            ..
        } = assignment;
        if self.attempts.knows(key) {
            return;
        }
        if self.leaving {
            self.refuse_new(key, now);
        } else if on_disconnect == OnDisconnect::Stop && self.lease.is_over(elapsed) {
            let message = "it came when the agent's lease was over";
            self.refuse(key, now, Outcome::Fenced, message);
        } else if self.draining {
            self.passed_over = true;
        } else {
            self.attempts.accept(key, on_disconnect, grace_ms);
            outputs.push(Output::Start(assignment));
        }
        self.watch_outbox(outputs);
    }

    fn stop(&mut self, key: AttemptKey, grace_ms: u64, now: Timestamp, outputs: &mut Vec<Output>) {
        if self.attempts.holds(key) {
            outputs.push(Output::Stop { key, grace_ms });
        } else if !self.attempts.knows(key) {
            let message = "the agent does not hold this attempt";
            self.refuse(key, now, Outcome::Stopped, message);
            self.watch_outbox(outputs);
        }
    }

    fn lease_over(&mut self, now: Elapsed, outputs: &mut Vec<Output>) {
        if !self.lease.is_over(now) {
            return;
        }
        for (key, grace_ms) in self.attempts.fence() {
            let grace_ms = u64::from(self.lease.fence_grace_ms(grace_ms));
            outputs.push(Output::Stop { key, grace_ms });
        }
    }
}

#[cfg(test)]
mod journal_tests;
#[cfg(test)]
mod lease_tests;
#[cfg(test)]
mod leave_tests;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
