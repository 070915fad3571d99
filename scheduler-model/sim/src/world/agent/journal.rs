//! The agent's file of ended and unacknowledged attempts, appended without fsync.

use drover_model::Report;

#[derive(Debug, Default)]
pub struct Journal {
    written: Vec<Report>,
}

impl Journal {
    pub(super) fn append(&mut self, report: Report) {
        self.written.push(report);
    }

    pub(super) fn clear(&mut self) {
        self.written.clear();
    }

    /// What the next incarnation finds.
    pub(super) fn read(&self) -> Vec<Report> {
        self.written.clone()
    }

    /// The last line was not whole when the process died. False: there was none.
    pub(super) fn tear(&mut self) -> bool {
        self.written.pop().is_some()
    }
}
