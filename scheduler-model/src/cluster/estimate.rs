//! What is learned of run times: from attempts that succeed, into rows, and back from them.

use super::{Cluster, jobs::TaskRef, node::NodeSlot, phase::Run, task::Task, timers::Timer};
use crate::{
    Effects, EstimateRow, EstimateView, Expected, StepSpec, Timestamp,
    estimate::{Speeds, WRITTEN_EVERY_MS},
};

impl Cluster {
    /// How long a step is expected to run, as far as is known now.
    pub(super) fn estimate_of(&self, step: Option<&StepSpec>) -> Option<EstimateView> {
        step.map(|step| self.estimator.estimate(&step.expected))
    }

    /// The same of a task or undo step; `None` when it has nothing to run.
    pub(super) fn estimate(&self, at: TaskRef) -> Option<EstimateView> {
        let task = &self.jobs.get(at.job).tasks[at.task as usize];
        Some(self.estimator.estimate(&self.expected(task, task.run?)))
    }

    fn expected(&self, task: &Task, run: Run) -> Expected {
        let stated_ms = task.is_stated.then_some(task.estimate_ms);
        self.payloads.likeness(run.payload).expected(stated_ms)
    }

    /// How fast nodes are at a task.
    pub(crate) fn speeds(&self, at: TaskRef) -> Speeds<'_> {
        let run = self.jobs.get(at.job).tasks[at.task as usize].run();
        self.estimator
            .speeds(self.payloads.likeness(run.payload).signature)
    }

    /// An attempt of the task has succeeded there.
    pub(super) fn learn(&mut self, now: Timestamp, at: TaskRef, node: NodeSlot, run_ms: u64) {
        let task = &self.jobs.get(at.job).tasks[at.task as usize];
        let expected = self.expected(task, task.run());
        self.estimator.learn(now, &expected, node.place(), run_ms);
        if self.config.records {
            self.write_estimates_later(now);
        }
    }

    pub(super) fn write_estimates(&mut self, now: Timestamp, effects: &mut Effects) {
        let nodes = &self.nodes;
        let rows = self
            .estimator
            .take_rows(|place| nodes.get(NodeSlot::of(place as usize)).name.clone());
        effects.estimates.extend(rows);
        self.estimates_are_due = false;
        self.write_estimates_later(now);
    }

    fn write_estimates_later(&mut self, now: Timestamp) {
        if !self.estimates_are_due && self.estimator.has_unwritten() {
            self.estimates_are_due = true;
            let at = now.plus_ms(WRITTEN_EVERY_MS);
            self.timers.set(at, Timer::Estimates);
        }
    }

    pub(super) fn restore_estimates(&mut self, rows: &[EstimateRow]) {
        for row in rows {
            let node = row.node.as_ref().and_then(|name| self.nodes.find(name));
            self.estimator.restore(row, node.map(NodeSlot::place));
        }
        self.estimator.refresh();
    }
}
