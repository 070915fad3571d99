//! Jobs of a generated trace as a user would submit them.

use std::time::Duration;

use drover_proto::{
    time,
    v1::{self, job_spec::Deadline, task_spec::Run},
};
use drover_sim::trace::{Runs, Trace, TraceJob};

use super::ExecuteError;

/// A job and when it comes, in the time of the trace.
pub(super) struct Submission {
    pub(super) at: Duration,
    pub(super) spec: v1::JobSpec,
}

/// # Errors
/// With the first job that is not one task on whole processors.
pub(super) fn jobs(trace: &Trace, scale: f64) -> Result<Vec<Submission>, ExecuteError> {
    let jobs = trace.jobs.iter().enumerate();
    let submission = |(place, job): (usize, &TraceJob)| {
        let spec = spec(job, scale).ok_or_else(|| ExecuteError::NotGenerated {
            trace: trace.name.to_string(),
            job: place,
        })?;
        let at = Duration::from_millis(job.submitted_ms);
        Ok(Submission { at, spec })
    };
    jobs.map(submission).collect()
}

fn spec(job: &TraceJob, scale: f64) -> Option<v1::JobSpec> {
    let [task] = job.tasks.as_slice() else {
        return None;
    };
    let Runs::One(run_ms) = task.runs else {
        return None;
    };
    let cpu_millis = task.resources.cpu_millis;
    let processors = u32::try_from(cpu_millis / 1_000).ok();
    let processors = processors.filter(|count| *count > 0)?;
    let scaled = |ms: u64| time::duration((ms as f64 * scale).round() as u64);
    let stress = v1::Stress {
        cpu: processors,
        memory_bytes: 0,
        duration: Some(scaled(run_ms)),
    };
    let task = v1::TaskSpec {
        name: "only".to_owned(),
        run: Some(Run::Stress(stress)),
        resources: Some(v1::Resources {
            cpu_millis,
            ..v1::Resources::default()
        }),
        estimate: task.stated_ms.map(scaled),
        ..v1::TaskSpec::default()
    };
    Some(v1::JobSpec {
        name: job.name.as_ref().to_owned(),
        queue: job.queue.as_ref().to_owned(),
        priority: Some(job.priority.get().into()),
        deadline: job
            .deadline_ms
            .map(|ms| Deadline::DeadlineAfter(scaled(ms))),
        tasks: vec![task],
        ..v1::JobSpec::default()
    })
}
