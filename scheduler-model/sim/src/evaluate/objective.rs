//! The one number by which policies are compared, trained and chosen.

use super::{JudgedJob, quantile_of};

/// Nothing worse counts: a job that waits for ever is not worth the rest of the cluster.
const LARGEST_SLOWDOWN: f64 = 100.0;
const MISS: f64 = 10.0;
const LARGEST_TARDINESS: f64 = 10.0;

/// What a job that starves costs besides.
pub const STARVED: f64 = 10.0;

/// A job starves that has waited so many times as long as the median job, or as its own ideal time.
pub const STARVED_FACTOR: f64 = 20.0;

/// J; lower is better. 0 without jobs.
///
/// ```text
/// J = sum of w (min(s, 100) + 10 miss + min(tardiness / c, 10)) / sum of w  +  10 z
/// ```
///
/// `s` is bounded slowdown, `c` the job's ideal time (at least 1 s), `w` = 1 + priority / 25, `miss` is 1 if the job had a
/// deadline and missed it, and `z` the share of jobs that starved ([`starved_share`]). A job that did not succeed counts as
/// the worst there is: 100, and 20 more if it had a deadline.
pub fn objective(jobs: &[JudgedJob]) -> f64 {
    let weights: f64 = jobs.iter().map(JudgedJob::weight).sum();
    if jobs.is_empty() {
        return 0.0;
    }
    let terms: f64 = jobs.iter().map(|job| job.weight() * penalty(job)).sum();
    terms / weights + STARVED * starved_share(jobs)
}

fn penalty(job: &JudgedJob) -> f64 {
    if !job.succeeded {
        let deadline = job.deadline.map_or(0.0, |_| MISS + LARGEST_TARDINESS);
        return LARGEST_SLOWDOWN + deadline;
    }
    let lateness = job.deadline.map_or(0.0, |deadline| {
        let tardiness = deadline.tardiness_ms as f64 / job.ideal_ms as f64;
        let miss = if deadline.missed { MISS } else { 0.0 };
        miss + tardiness.min(LARGEST_TARDINESS)
    });
    job.bounded_slowdown().min(LARGEST_SLOWDOWN) + lateness
}

/// z: the share of jobs that waited over 20 x max(median wait, c), where c is the job's own ideal time.
pub fn starved_share(jobs: &[JudgedJob]) -> f64 {
    if jobs.is_empty() {
        return 0.0;
    }
    let mut waits: Vec<f64> = jobs.iter().map(|job| job.wait_ms as f64).collect();
    waits.sort_unstable_by(f64::total_cmp);
    let median = quantile_of(&waits, 0.5);
    let starves =
        |job: &&JudgedJob| job.wait_ms as f64 > STARVED_FACTOR * median.max(job.ideal_ms as f64);
    jobs.iter().filter(starves).count() as f64 / jobs.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{evaluate::synthetic::job, simulate::JobOutcome};

    fn judged(jobs: &[JobOutcome], ended_ms: u64) -> Vec<JudgedJob> {
        let judged = jobs.iter().map(|job| JudgedJob::new(job, ended_ms));
        judged.collect()
    }

    #[test]
    fn by_hand() {
        let on_time = JobOutcome {
            priority: 100,
            due_ms: Some(30_000),
            ideal_ms: 10_000,
            ..job(0, 0, 10_000, 20_000)
        };
        // 40 s instead of 20 s: slowdown 2, missed, and late by half its ideal time.
        let late = JobOutcome {
            priority: 0,
            due_ms: Some(30_000),
            ideal_ms: 20_000,
            ..job(1, 0, 20_000, 40_000)
        };
        let expected = (5.0 * 2.0 + 1.0 * (2.0 + 10.0 + 0.5)) / 6.0;
        let jobs = judged(&[on_time, late], 40_000);
        assert!((objective(&jobs) - expected).abs() < 1e-12);
    }

    #[test]
    fn who_starves() {
        let mut jobs: Vec<JobOutcome> = (0..9).map(|id| job(id, 0, 1_000, 11_000)).collect();
        // 20 times its own 10 s is not more than that; 1 ms later is.
        jobs.push(JobOutcome {
            ideal_ms: 10_000,
            ..job(9, 0, 200_000, 210_000)
        });
        assert_eq!(starved_share(&judged(&jobs, 300_000)), 0.0);
        jobs[9].first_start_ms = Some(200_001);
        assert_eq!(starved_share(&judged(&jobs, 300_000)), 0.1);
    }

    #[test]
    fn failing_at_once_is_worse_than_ending_very_late() {
        let late = JobOutcome {
            due_ms: Some(1),
            ..job(0, 0, 90_000_000, 90_001_000)
        };
        let failed = JobOutcome {
            due_ms: Some(1),
            succeeded: false,
            ..job(0, 0, 0, 1)
        };
        let others: Vec<JobOutcome> = (1..10).map(|id| job(id, 0, 0, 1_000)).collect();
        let of = |first: &JobOutcome| {
            let jobs: Vec<JobOutcome> = [first.clone()].into_iter().chain(others.clone()).collect();
            let jobs = judged(&jobs, 90_001_000);
            objective(&jobs) - 10.0 * starved_share(&jobs)
        };
        assert_eq!(of(&failed), of(&late));
        assert!(of(&failed) > 10.0);
    }

    #[test]
    fn no_jobs() {
        assert_eq!(objective(&[]), 0.0);
        assert_eq!(starved_share(&[]), 0.0);
    }
}
