//! Reports, numbered without gaps, kept until acknowledged.

use std::collections::{VecDeque, vec_deque};

use crate::{AttemptKey, Report, ReportBatch, ReportKind};

#[derive(Debug, Default)]
pub(super) struct Outbox {
    reports: VecDeque<Report>,
    /// Number of the last acknowledged report; the first kept one has the next.
    acknowledged: u64,
    /// How many of `reports` went out over this connection.
    sent: usize,
}

impl Outbox {
    pub(super) fn push(&mut self, report: Report) {
        self.reports.push_back(report);
    }

    pub(super) fn len(&self) -> usize {
        self.reports.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.reports.is_empty()
    }

    pub(super) fn has_unsent(&self) -> bool {
        self.sent < self.reports.len()
    }

    /// A new connection has seen nothing.
    pub(super) fn rewind(&mut self) {
        self.sent = 0;
    }

    pub(super) fn take_unsent(&mut self, limit: usize) -> Option<ReportBatch> {
        if !self.has_unsent() {
            return None;
        }
        let end = self.reports.len().min(self.sent + limit);
        let reports = self.reports.range(self.sent..end).cloned().collect();
        self.sent = end;
        Some(ReportBatch {
            sequence: self.acknowledged + end as u64,
            reports,
        })
    }

    /// An empty batch.
    pub(super) fn nothing(&self) -> ReportBatch {
        ReportBatch {
            sequence: self.acknowledged,
            reports: Vec::new(),
        }
    }

    /// Oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Report> {
        self.reports.iter()
    }

    /// Attempts whose end has not been sent.
    pub(super) fn unsent_ends(&self) -> impl Iterator<Item = AttemptKey> {
        self.reports
            .range(self.sent..)
            .filter(|report| matches!(report.what, ReportKind::Ended { .. }))
            .map(|report| report.key)
    }

    /// Takes out what need not be kept any more. `None` when `sequence` was never sent.
    pub(super) fn acknowledge(&mut self, sequence: u64) -> Option<vec_deque::Drain<'_, Report>> {
        let count = usize::try_from(sequence.saturating_sub(self.acknowledged)).ok()?;
        if count > self.sent {
            return None;
        }
        self.sent -= count;
        self.acknowledged += count as u64;
        Some(self.reports.drain(..count))
    }
}
