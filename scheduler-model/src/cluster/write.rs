//! The row of a job, and its leaving memory.

use super::{Cluster, job::Job, jobs::JobSlot, timers::Timer};
use crate::{Effects, JobRow, JobState, Timestamp, Transition};

impl Cluster {
    /// Writes a job's row if its state or intent has changed, and drops the job if it has ended.
    pub(super) fn write_job(&mut self, slot: JobSlot, now: Timestamp, effects: &mut Effects) {
        let job = self.jobs.get_mut(slot);
        let state = job.state();
        if job.written != (state, job.intent) {
            if self.config.records {
                effects.jobs.push(job.row(state, now));
            }
            job.tell_written(state, effects);
        }
        if state.is_final() {
            self.retire(slot);
        }
    }

    fn retire(&mut self, slot: JobSlot) {
        let job = self.jobs.get(slot);
        for run in job.tasks.iter().filter_map(|task| task.run) {
            self.payloads.release(run.payload);
            self.ready.release_shape(run.shape);
            self.rules.release(run.rules);
        }
        self.ready.release_queue(job.queue);
        if let Some(due) = job.deadline_due() {
            self.timers.forget(due, Timer::Deadline(slot));
        }
        self.jobs.remove(slot);
    }
}

impl Job {
    /// What changes now.
    fn row(&self, state: JobState, now: Timestamp) -> JobRow {
        let from = self.written.0;
        JobRow {
            id: self.id,
            from: Some(from),
            state,
            intent: self.intent,
            started_at: (from == JobState::Queued && self.counts.begun > 0).then_some(now),
            ended_at: state.is_final().then_some(now),
            message: self.message(),
            new: None,
        }
    }

    fn tell_written(&mut self, state: JobState, effects: &mut Effects) {
        let from = self.written.0;
        self.written = (state, self.intent);
        if state != from {
            effects.transitions.push(Transition::Job {
                job: self.id,
                to: state,
                message: self.message(),
            });
        }
    }
}
