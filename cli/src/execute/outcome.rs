//! What was recorded, in the form that simulations have.

use drover_model::{AttemptState, JobState, Timestamp};
use drover_sim::{
    simulate::{AttemptOutcome, JobOutcome, Outcome},
    trace::{
        Trace, TraceJob,
        history::line::{AttemptLine, JobLine},
    },
};

use super::Recording;

/// Jobs and attempts, which are what the files are made from; not what a simulation counts besides. Times count from when the
/// trace began. What is missing in the recording is missing here.
pub(super) fn outcome(trace: &Trace, recording: &Recording, scale: f64) -> Outcome {
    let mut outcome = Outcome::default();
    let jobs = (0..).zip(trace.jobs.iter().zip(&recording.jobs));
    for (place, (job, recorded)) in jobs {
        let Some(recorded) = recorded else {
            continue;
        };
        let attempts = attempts(place, recorded, recording.began);
        outcome.jobs.push(summary(
            place,
            job,
            recorded,
            &attempts,
            recording.began,
            scale,
        ));
        outcome.attempts.extend(attempts);
    }
    let attempts = &mut outcome.attempts;
    attempts.sort_by_key(|attempt| (attempt.ended_ms, attempt.job, attempt.attempt));
    outcome
}

/// Those that ran to an end.
fn attempts(place: u32, recorded: &JobLine, began: Timestamp) -> Vec<AttemptOutcome> {
    let mut waits_since = since(began, recorded.submitted_ms);
    let all = recorded.tasks.iter().flat_map(|task| &task.attempts);
    let attempt = |attempt: &AttemptLine| {
        let (started, ended) = (attempt.started_ms?, attempt.ended_ms?);
        let ended_ms = since(began, ended);
        Some(AttemptOutcome {
            job: place,
            task: 0,
            instance: attempt.instance,
            attempt: attempt.number,
            node: attempt.node.clone(),
            queued_ms: std::mem::replace(&mut waits_since, ended_ms),
            started_ms: since(began, started),
            ended_ms,
            succeeded: attempt.outcome == AttemptState::Succeeded,
        })
    };
    all.filter_map(attempt).collect()
}

fn summary(
    place: u32,
    job: &TraceJob,
    recorded: &JobLine,
    attempts: &[AttemptOutcome],
    began: Timestamp,
    scale: f64,
) -> JobOutcome {
    let held_ms = attempts
        .iter()
        .map(|it| it.ended_ms.saturating_sub(it.started_ms));
    let cpu_millis = job
        .tasks
        .first()
        .map_or(0, |task| task.resources.cpu_millis);
    JobOutcome {
        job: place,
        owner: job.owner.clone(),
        priority: job.priority.get(),
        submitted_ms: since(began, recorded.submitted_ms),
        first_start_ms: attempts.iter().map(|attempt| attempt.started_ms).min(),
        ended_ms: recorded.ended_ms.map(|at| since(began, at)),
        succeeded: recorded.state == JobState::Succeeded,
        due_ms: recorded.deadline_ms.map(|at| since(began, at)),
        ideal_ms: (job.ideal_ms() as f64 * scale).round() as u64,
        held_work: cpu_millis as f64 * held_ms.sum::<u64>() as f64,
        cost_micros: recorded.cost_micros as f64,
        energy_joules: recorded.energy_joules as f64,
        attempts: attempts.len() as u32,
    }
}

/// Clocks of hosts differ a little: nothing happened before the beginning.
fn since(began: Timestamp, at_ms: i64) -> u64 {
    u64::try_from(at_ms.saturating_sub(began.0)).unwrap_or(0)
}
