//! What goes into the outbox, and out of it.

use super::{End, Output, Phase, Reason, Session, attempts::Ending};
use crate::{AttemptKey, Outcome, Report, ReportKind, Timestamp};

const FENCED: &str = "killed: the agent was cut off from the coordinator for as long as its lease";

impl Session {
    pub(super) fn acknowledged(&mut self, sequence: u64, outputs: &mut Vec<Output>) {
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
        if self.outbox.is_empty() && std::mem::take(&mut self.journaled) {
            outputs.push(Output::JournalEmpty);
        }
        if self.draining && self.outbox.len() <= self.options.outbox_limit / 2 {
            self.draining = false;
            if std::mem::take(&mut self.passed_over) {
                outputs.push(Output::Close(Reason::Drained));
            }
        }
    }

    pub(super) fn ended(&mut self, key: AttemptKey, end: End, outputs: &mut Vec<Output>) {
        let (outcome, message) = match self.attempts.ended(key) {
            Ending::Forgotten => return,
            Ending::ToReport => (end.outcome, end.message),
            Ending::Fenced => (Outcome::Fenced, Some(FENCED.into())),
        };
        let report = Report {
            key,
            what: ReportKind::Ended {
                started_at: end.started_at,
                ended_at: end.ended_at,
                outcome,
                exit_code: end.exit_code,
                message,
            },
        };
        self.journaled = true;
        outputs.push(Output::Journal(report.clone()));
        self.outbox.push(report);
        self.watch_outbox(outputs);
    }

    /// A file holds it: what makes no sense is passed over.
    pub(super) fn recover(&mut self, report: Report) {
        let ended = matches!(report.what, ReportKind::Ended { .. });
        if ended && !self.attempts.knows(report.key) {
            self.attempts.remember(report.key);
            self.outbox.push(report);
        }
    }

    /// Reports an attempt that was never started.
    pub(super) fn refuse(
        &mut self,
        key: AttemptKey,
        now: Timestamp,
        outcome: Outcome,
        message: &str,
    ) {
        self.attempts.remember(key);
        self.outbox.push(Report {
            key,
            what: ReportKind::Ended {
                started_at: now,
                ended_at: now,
                outcome,
                exit_code: None,
                message: Some(message.into()),
            },
        });
    }

    pub(super) fn announce_starts(&mut self) {
        for (key, at) in self.attempts.take_unannounced() {
            self.outbox.push(Report {
                key,
                what: ReportKind::Started { at },
            });
        }
    }

    pub(super) fn watch_outbox(&mut self, outputs: &mut Vec<Output>) {
        if self.outbox.len() < self.options.outbox_limit || self.draining {
            return;
        }
        self.draining = true;
        if self.phase != Phase::Apart {
            outputs.push(Output::Close(Reason::OutboxFull));
        }
    }
}
