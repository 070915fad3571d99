//! The last decisions in full, for people who ask why. Not recorded: after a load what the record says is left.

use std::collections::VecDeque;

use crate::{DecisionView, JobId};

#[derive(Debug, Default)]
pub(crate) struct Decisions {
    /// Oldest first.
    last: VecDeque<DecisionView>,
}

impl Decisions {
    pub(crate) fn note(&mut self, decision: DecisionView) {
        if self.last.len() == DecisionView::KEPT {
            self.last.pop_front();
        }
        self.last.push_back(decision);
    }

    /// The last about a task.
    pub(crate) fn find(&self, job: JobId, task: u32) -> Option<&DecisionView> {
        let mut newest_first = self.last.iter().rev();
        newest_first.find(|one| (one.placement.job, one.placement.task) == (job, task))
    }
}
