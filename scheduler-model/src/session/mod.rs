//! The agent's side: which attempts it holds, and what it still has to report.
//!
//! ```text
//!   Apart --Connected--> Joining --Welcome--> Joined
//!     ^                     |                    |
//!     +----Disconnected-----+----Disconnected----+
//! ```
//!
//! An attempt that was accepted is remembered until the report of its end has been acknowledged, so that an assignment
//! that arrives twice runs once. Nothing here is durable: attempts end with the agent's process.

mod attempts;
mod input;
mod outbox;

use crate::{
    Assignment, AttemptKey, Epoch, Join, Outcome, Report, ReportBatch, ReportKind, Timestamp,
};

use attempts::{Attempts, Ending};
pub use input::{End, Identity, Input, Output, Reason, Welcome};
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
    Joining,
    Joined { heartbeats_unanswered_limit: u64 },
}

/// Numbers of the heartbeats of one connection.
#[derive(Clone, Copy, Debug, Default)]
struct Heartbeats {
    sent: u64,
    acknowledged: u64,
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
    /// The outbox was full; nothing new is accepted until it is half empty.
    draining: bool,
    /// An assignment was passed over while draining. Only a new join brings it back.
    passed_over: bool,
    leaving: bool,
}

impl Session {
    pub fn new(identity: Identity, options: Options) -> Self {
        Self {
            identity,
            options,
            phase: Phase::Apart,
            epoch: Epoch::default(),
            attempts: Attempts::default(),
            outbox: Outbox::default(),
            heartbeats: Heartbeats::default(),
            draining: false,
            passed_over: false,
            leaving: false,
        }
    }

    /// Takes one input, and appends what follows from it.
    ///
    /// # Panics
    /// When the executor reports on an attempt that it was not told to start, or twice.
    pub fn step(&mut self, input: Input, outputs: &mut Vec<Output>) {
        match input {
            Input::Connected => self.join(outputs),
            Input::Welcome(welcome) => self.welcome(welcome, outputs),
            Input::Assigned { assignment, now } => self.assigned(assignment, now, outputs),
            Input::Stop { key, grace_ms, now } => self.stop(key, grace_ms, now, outputs),
            Input::Acknowledged { sequence } => self.acknowledged(sequence, outputs),
            Input::HeartbeatAcknowledged { number } => self.heartbeat_acknowledged(number, outputs),
            Input::Disconnected => self.phase = Phase::Apart,
            Input::Started { key, at } => self.attempts.started(key, at),
            Input::Ended { key, end } => self.ended(key, end, outputs),
            Input::HeartbeatDue {
                cpu_permille,
                memory_permille,
            } => self.heartbeat(cpu_permille, memory_permille, outputs),
            Input::Leave { grace_ms } => self.leave(grace_ms, outputs),
        }
    }

    /// True when [`Session::take_reports`] has something.
    pub fn has_reports(&self) -> bool {
        matches!(self.phase, Phase::Joined { .. })
            && !(self.leaving && self.attempts.holds_any())
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

    /// True once the agent may go: it was asked to leave, holds nothing and has sent every report. Without a
    /// connection the reports cannot be sent, and the next incarnation's join says the same.
    pub fn may_go(&self) -> bool {
        self.leaving
            && !self.attempts.holds_any()
            && !(matches!(self.phase, Phase::Joined { .. }) && self.outbox.has_unsent())
    }

    /// True when every report has been acknowledged.
    pub fn is_settled(&self) -> bool {
        self.outbox.is_empty() && !self.attempts.holds_any()
    }

    fn join(&mut self, outputs: &mut Vec<Output>) {
        assert_eq!(self.phase, Phase::Apart, "one connection at a time");
        self.phase = Phase::Joining;
        self.heartbeats = Heartbeats::default();
        self.passed_over = false;
        self.announce_starts();
        self.outbox.rewind();
        let reports = self
            .outbox
            .take_unsent(REPORTS_PER_MESSAGE)
            .unwrap_or_else(|| self.outbox.nothing());
        // The end of an attempt whose report does not fit comes right after: until then it counts as running.
        let mut running = self.attempts.held();
        running.extend(self.outbox.unsent_ends());
        running.sort_unstable();
        outputs.push(Output::Join(Box::new(Join {
            node: self.identity.node.clone(),
            incarnation: self.identity.incarnation,
            agent_version: self.identity.agent_version.clone(),
            capacity: self.identity.capacity,
            labels: self.identity.labels.clone(),
            running,
            reports,
        })));
    }

    fn welcome(&mut self, welcome: Welcome, outputs: &mut Vec<Output>) {
        if self.phase != Phase::Joining {
            return outputs.push(Output::Close(Reason::Unexpected("Welcome")));
        }
        if welcome.epoch < self.epoch {
            return outputs.push(Output::Close(Reason::OlderEpoch {
                seen: self.epoch,
                offered: welcome.epoch,
            }));
        }
        self.epoch = welcome.epoch;
        let limit = welcome.node_timeout_ms / welcome.heartbeat_interval_ms.max(1);
        self.phase = Phase::Joined {
            heartbeats_unanswered_limit: u64::from(limit.clamp(3, 100)),
        };
        for key in welcome.discard {
            if self.attempts.discard(key) {
                outputs.push(Output::Discard { key });
            }
        }
    }

    fn assigned(&mut self, assignment: Assignment, now: Timestamp, outputs: &mut Vec<Output>) {
        if !matches!(self.phase, Phase::Joined { .. }) {
            return outputs.push(Output::Close(Reason::Unexpected("Assignments")));
        }
        if self.attempts.knows(assignment.key) {
            return;
        }
        if self.leaving {
            self.refuse(assignment.key, now, "the agent is leaving");
        } else if self.draining {
            self.passed_over = true;
        } else {
            self.attempts.accept(assignment.key);
            outputs.push(Output::Start(assignment));
        }
    }

    fn stop(&mut self, key: AttemptKey, grace_ms: u64, now: Timestamp, outputs: &mut Vec<Output>) {
        if self.attempts.holds(key) {
            outputs.push(Output::Stop { key, grace_ms });
        } else if !self.attempts.knows(key) {
            self.refuse(key, now, "the agent does not hold this attempt");
            self.watch_outbox(outputs);
        }
    }

    fn acknowledged(&mut self, sequence: u64, outputs: &mut Vec<Output>) {
        match self.outbox.acknowledge(sequence) {
            None => outputs.push(Output::Close(Reason::Unexpected(
                "Ack of what was never sent",
            ))),
            Some(reports) => {
                for report in reports {
                    if matches!(report.what, ReportKind::Ended { .. }) {
                        self.attempts.forget(report.key);
                    }
                }
            }
        }
        if self.draining && self.outbox.len() <= self.options.outbox_limit / 2 {
            self.draining = false;
            if std::mem::take(&mut self.passed_over) {
                outputs.push(Output::Close(Reason::Drained));
            }
        }
    }

    fn ended(&mut self, key: AttemptKey, end: End, outputs: &mut Vec<Output>) {
        if self.attempts.ended(key) == Ending::Forgotten {
            return;
        }
        self.outbox.push(Report {
            key,
            what: ReportKind::Ended {
                started_at: end.started_at,
                ended_at: end.ended_at,
                outcome: end.outcome,
                exit_code: end.exit_code,
                message: end.message,
            },
        });
        self.watch_outbox(outputs);
    }

    fn heartbeat(&mut self, cpu_permille: u32, memory_permille: u32, outputs: &mut Vec<Output>) {
        let Phase::Joined {
            heartbeats_unanswered_limit,
        } = self.phase
        else {
            return;
        };
        if self.heartbeats.sent - self.heartbeats.acknowledged >= heartbeats_unanswered_limit {
            return outputs.push(Output::Close(Reason::HeartbeatsUnanswered));
        }
        self.heartbeats.sent += 1;
        outputs.push(Output::Heartbeat {
            number: self.heartbeats.sent,
            cpu_permille,
            memory_permille,
        });
    }

    fn heartbeat_acknowledged(&mut self, number: u64, outputs: &mut Vec<Output>) {
        if number > self.heartbeats.sent {
            return outputs.push(Output::Close(Reason::Unexpected(
                "HeartbeatAck of what was never sent",
            )));
        }
        self.heartbeats.acknowledged = self.heartbeats.acknowledged.max(number);
    }

    /// Ends of attempts are held back until the last has ended: an earlier report would free capacity here, and the
    /// coordinator would fill it again.
    fn leave(&mut self, grace_ms: u64, outputs: &mut Vec<Output>) {
        self.leaving = true;
        for key in self.attempts.held() {
            outputs.push(Output::Stop { key, grace_ms });
        }
    }

    /// Reports an attempt as stopped that was never started.
    fn refuse(&mut self, key: AttemptKey, now: Timestamp, message: &str) {
        self.attempts.remember(key);
        self.outbox.push(Report {
            key,
            what: ReportKind::Ended {
                started_at: now,
                ended_at: now,
                outcome: Outcome::Stopped,
                exit_code: None,
                message: Some(message.into()),
            },
        });
    }

    fn announce_starts(&mut self) {
        for (key, at) in self.attempts.take_unannounced() {
            self.outbox.push(Report {
                key,
                what: ReportKind::Started { at },
            });
        }
    }

    fn watch_outbox(&mut self, outputs: &mut Vec<Output>) {
        if self.outbox.len() < self.options.outbox_limit || self.draining {
            return;
        }
        self.draining = true;
        if self.phase != Phase::Apart {
            outputs.push(Output::Close(Reason::OutboxFull));
        }
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
