//! What policies see of a task.

use super::{
    jobs::{Jobs, TaskRef},
    ready::Ready,
};
use crate::{
    Timestamp,
    policy::{Facts, JobFacts},
};

/// But for the score of nodes, of which nothing is known here.
pub(crate) fn facts(jobs: &Jobs, ready: &Ready, at: TaskRef, now: Timestamp) -> Facts {
    let job = jobs.get(at.job);
    let task = &job.tasks[at.task as usize];
    let fit = &ready.shape(task.run().shape).fit;
    let width_millis = fit.demand.width_millis();
    Facts {
        now,
        submitted_at: job.submitted_at,
        deadline: job.deadline.get(),
        priority: job.priority,
        width_millis: width_millis.saturating_mul(fit.size().into()),
        estimate_ms: task.estimate_ms,
        upward_rank_ms: task.upward_rank_ms,
        job: JobFacts {
            work: job.counts.work,
            work_left: job.counts.work_left,
            held_millis: job.held_millis,
        },
        node_score: 0,
    }
}
