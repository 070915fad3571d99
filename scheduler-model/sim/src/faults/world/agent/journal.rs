//! The agent's file of ended and unacknowledged attempts, appended without fsync.

use drover_model::Report;

#[derive(Debug, Default)]
pub struct Journal {
    written: Vec<Report>,
    /// How many of them this incarnation has appended.
    own: usize,
}

impl Journal {
    pub(super) fn append(&mut self, report: Report) {
        self.written.push(report);
        self.own += 1;
    }

    pub(super) fn clear(&mut self) {
        self.written.clear();
        self.own = 0;
    }

    /// What the next incarnation finds.
    pub(super) fn read(&mut self) -> Vec<Report> {
        self.own = 0;
        self.written.clone()
    }

    /// The last line was not whole when the process died that wrote it. False: it wrote none.
    pub(super) fn tear(&mut self) -> bool {
        self.own > 0 && self.written.pop().is_some()
    }
}
