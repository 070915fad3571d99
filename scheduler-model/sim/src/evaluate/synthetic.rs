//! A small outcome, put together by hand, for tests.

use std::sync::Arc;

use super::{Contender, Evaluation, Figures, Run};
use crate::{
    random::{Purpose, Random},
    simulate::{AttemptOutcome, JobOutcome, Outcome, QueueSample},
};

/// A job that went well; its ideal time is what it ran.
pub(crate) fn job(id: u32, submitted_ms: u64, first_start_ms: u64, ended_ms: u64) -> JobOutcome {
    JobOutcome {
        job: id,
        owner: Arc::from(["ada", "bo", "cy"][id as usize % 3]),
        priority: 50,
        submitted_ms,
        first_start_ms: Some(first_start_ms),
        ended_ms: Some(ended_ms),
        succeeded: true,
        due_ms: None,
        ideal_ms: ended_ms - first_start_ms,
        held_work: (ended_ms - first_start_ms) as f64 * 1_000.0,
        cost_micros: 25_000.0,
        energy_joules: 180_000.0,
        attempts: 1,
    }
}

/// Twenty jobs on four nodes from 1 s to 401 s, half of the capacity in use. The seventh failed after two attempts.
pub(crate) fn outcome() -> Outcome {
    slower(1.0)
}

/// The same, with waits so many times as long. Meant for 1 and above.
pub(crate) fn slower(factor: f64) -> Outcome {
    let jobs: Vec<JobOutcome> = (0..20).map(|id| synthetic_job(id, factor)).collect();
    let attempts: Vec<AttemptOutcome> = jobs.iter().flat_map(attempts_of).collect();
    let ended_ms = jobs
        .iter()
        .filter_map(|job| job.ended_ms)
        .max()
        .unwrap_or(0);
    Outcome {
        busy_ms: 200_000.0,
        last_start_ms: 251_000,
        completions: attempts.len() as u64,
        queue: queue_of(&jobs),
        ended_ms,
        attempts,
        jobs,
    }
}

fn synthetic_job(id: u32, factor: f64) -> JobOutcome {
    let submitted_ms = 1_000 + u64::from(id) * 10_000;
    let wait_ms = (f64::from(id * id % 13) * 3_000.0 * factor) as u64;
    let run_ms = if id == 19 {
        400_000 - 190_000 - wait_ms.min(100_000)
    } else {
        4_000 + u64::from(id) * 1_500
    };
    let start_ms = submitted_ms + wait_ms;
    JobOutcome {
        priority: [0, 25, 50, 75, 100][id as usize % 5],
        due_ms: id.is_multiple_of(2).then_some(submitted_ms + 30_000),
        succeeded: id != 7,
        attempts: if id == 7 { 2 } else { 1 },
        ..job(id, submitted_ms, start_ms, start_ms + run_ms)
    }
}

fn attempts_of(job: &JobOutcome) -> Vec<AttemptOutcome> {
    let (start_ms, end_ms) = (job.first_start_ms.unwrap_or(0), job.ended_ms.unwrap_or(0));
    let count = u64::from(job.attempts);
    let share = (end_ms - start_ms) / count;
    let attempt = |number: u64| AttemptOutcome {
        job: job.job,
        task: 0,
        instance: 0,
        attempt: number as u32,
        node: format!("node-{}", job.job % 4 + 1).into(),
        queued_ms: if number == 1 {
            job.submitted_ms
        } else {
            start_ms + share
        },
        started_ms: start_ms + (number - 1) * share,
        ended_ms: start_ms + number * share,
        succeeded: job.succeeded,
    };
    (1..=count).map(attempt).collect()
}

fn queue_of(jobs: &[JobOutcome]) -> Vec<QueueSample> {
    let sample = |at_ms: u64| {
        let started = |job: &&JobOutcome| job.first_start_ms.is_some_and(|start| start <= at_ms);
        let ended = |job: &&JobOutcome| job.ended_ms.is_some_and(|end| end <= at_ms);
        let submitted = jobs.iter().filter(|job| job.submitted_ms <= at_ms).count();
        let (started, ended) = (
            jobs.iter().filter(started).count(),
            jobs.iter().filter(ended).count(),
        );
        QueueSample {
            at_ms,
            waiting: (submitted - started) as u32,
            running: (started - ended) as u32,
        }
    };
    (0..410).map(|second| sample(second * 1_000)).collect()
}

pub(crate) fn contender(policy: &str, mode: &str) -> Contender {
    Contender {
        policy: policy.into(),
        mode: mode.into(),
    }
}

/// One for each seed, with waits some 30 % up or down.
pub(crate) fn runs(seeds: &[u64], factor: f64) -> Vec<Run> {
    let run = |seed: &u64| {
        let percent = Random::new(*seed, Purpose::Checks).between(70, 130);
        let outcome = slower(factor * percent as f64 / 100.0);
        Run {
            seed: *seed,
            figures: Figures::of(&outcome),
        }
    };
    seeds.iter().map(run).collect()
}

/// Three policies on two workloads, five seeds each; `saf` is the baseline and best.
pub(crate) fn evaluation() -> Evaluation {
    let contenders = vec![
        contender("saf", "easy"),
        contender("fifo", "easy"),
        contender("critical-path", "greedy"),
    ];
    let mut evaluation = Evaluation::new(contenders, None).expect("there are three");
    for (workload, factor) in [("steady 0.90", 1.0), ("bursty 1.10", 2.0)] {
        let seeds = [1, 2, 3, 4, 5];
        let runs = [1.0, 2.0, 1.5].map(|policy| runs(&seeds, factor * policy));
        let added = evaluation.add(workload, runs.into());
        added.expect("all ran on the same seeds");
    }
    evaluation
}
