//! The published protocol of RLScheduler (Zhang et al., "RLScheduler: An Automated HPC Batch Job Scheduler Using
//! Reinforcement Learning", SC 2020, arXiv 1910.08925), mistakes included.
//!
//! It exists to compare with that paper's figures, and for nothing else. It is a scheduler of its own, on plain numbers and
//! without any part of `drover-model`, because what it does cannot and should not be had from a sensible one:
//!
//! - the best waiting job is chosen once; then everything waits until that very job fits, whatever comes meanwhile;
//! - with backfill, the shadow time (when the chosen job can start by requested times) is computed once, when the job is
//!   found not to fit; jobs that end by it by their requested times, in order of submission, may start while it waits;
//! - two of the rules compute waiting times from an unset start time ([`Rule`]).
//!
//! The corrected rules are policies like others, beside which these stand.

mod cluster;
mod rule;

pub use rule::{Rule, UnknownRule};

use cluster::Cluster;

use crate::trace::{
    ParseTraceError, Windows,
    swf::{SwfJob, SwfLog},
};

/// Run times below it count as so long in a bounded slowdown, in seconds.
const BOUND_S: f64 = 10.0;

/// A job in the numbers of the published code: seconds from the beginning of the log.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Job {
    pub submitted_s: f64,
    pub run_s: f64,
    pub requested_s: f64,
    /// From 1 to those of the machine.
    pub processors: u32,
}

impl From<&SwfJob> for Job {
    fn from(job: &SwfJob) -> Self {
        let seconds = |ms: u64| ms as f64 / 1_000.0;
        Self {
            submitted_s: seconds(job.submitted_ms),
            run_s: seconds(job.run_ms),
            requested_s: seconds(job.requested_ms),
            processors: job.processors,
        }
    }
}

/// What the published tables show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// Mean over jobs, then over windows, of max(1, (wait + run) / max(run, 10 s)).
    pub bounded_slowdown: f64,
    /// Mean over windows of processor seconds by those there were from the first submission to the last start.
    pub utilisation: f64,
}

/// One cell: each window from an empty cluster.
///
/// # Errors
/// When a window reaches beyond the log.
pub fn cell(
    log: &SwfLog,
    windows: &Windows,
    rule: Rule,
    backfill: bool,
) -> Result<Cell, ParseTraceError> {
    windows.check(log.jobs.len())?;
    let cells = windows.starts.iter().map(|first| {
        let jobs = &log.jobs[*first..first + windows.length];
        let jobs: Vec<Job> = jobs.iter().map(Job::from).collect();
        measure(
            &jobs,
            &starts(&jobs, log.processors, rule, backfill),
            log.processors,
        )
    });
    let cells: Vec<Cell> = cells.collect();
    let mean = |of: fn(&Cell) -> f64| cells.iter().map(of).sum::<f64>() / cells.len() as f64;
    Ok(Cell {
        bounded_slowdown: mean(|cell| cell.bounded_slowdown),
        utilisation: mean(|cell| cell.utilisation),
    })
}

/// When each job starts, in seconds like its submission. Jobs come in the order given, which the published code takes for
/// the order of submission.
///
/// # Panics
/// When a job needs more processors than there are, or none.
pub fn starts(jobs: &[Job], processors: u32, rule: Rule, backfill: bool) -> Vec<f64> {
    let mut cluster = Cluster::new(jobs, processors);
    while cluster.await_job() {
        cluster.sort_queue(|job| rule.rank(job));
        let chosen = cluster.head();
        if !cluster.fits(chosen) {
            if backfill {
                cluster.backfill(chosen);
            } else {
                cluster.hold(chosen);
            }
        }
        cluster.start(chosen);
    }
    cluster.into_starts()
}

fn measure(jobs: &[Job], starts: &[f64], processors: u32) -> Cell {
    let slowdown = |(job, start): (&Job, &f64)| {
        let flow_s = start - job.submitted_s + job.run_s;
        (flow_s / job.run_s.max(BOUND_S)).max(1.0)
    };
    let work = |job: &Job| job.run_s * f64::from(job.processors);
    let last_start_s = starts.iter().copied().fold(f64::MIN, f64::max);
    let span_s = last_start_s - jobs[0].submitted_s;
    Cell {
        bounded_slowdown: jobs.iter().zip(starts).map(slowdown).sum::<f64>() / jobs.len() as f64,
        utilisation: jobs.iter().map(work).sum::<f64>() / (span_s * f64::from(processors)),
    }
}

#[cfg(test)]
mod tests;
