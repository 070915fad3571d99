//! All figures of one run.

use serde::Serialize;

use super::{
    Counted, Deadlines, Distribution, JudgedJob,
    fairness::between_owners,
    objective::{objective, starved_share},
};
use crate::simulate::Outcome;

/// What a run was worth. Times in seconds.
///
/// Those of jobs are over the jobs that count, after a warm-up if one was asked for; those of the cluster (utilisation,
/// makespan, throughput) are over the whole run. How jobs count that did not succeed is said at [`JudgedJob`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    pub jobs: u64,
    /// Of these, how many had not ended or had not succeeded at the end.
    pub unsuccessful: u64,
    /// J.
    pub objective: f64,
    /// From submission to end.
    pub flow_time_s: Distribution,
    /// From submission to the first start of a task.
    pub wait_s: Distribution,
    pub bounded_slowdown: Distribution,
    pub deadlines: Deadlines,
    pub starvation: Starvation,
    /// Jain's index over the owners' mean bounded slowdown.
    pub fairness: f64,
    /// Capacity in use, of all capacity from the first submission to the last end.
    pub utilisation: f64,
    /// Of published tables: work done, of all capacity from the first submission to the last start. May exceed 1.
    pub utilisation_published: f64,
    /// First submission to last end.
    pub makespan_s: f64,
    /// Tasks that succeeded, by makespan.
    pub throughput_per_hour: f64,
    /// In units of money.
    pub cost: f64,
    pub energy_kwh: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Starvation {
    /// z: see [`starved_share`].
    pub share: f64,
    pub longest_wait_s: f64,
}

impl Figures {
    /// Over all jobs.
    pub fn of(outcome: &Outcome) -> Self {
        Self::counting(outcome, &Counted::All)
    }

    /// Over some of the jobs.
    pub fn counting(outcome: &Outcome, counted: &Counted) -> Self {
        let jobs = JudgedJob::all(outcome, counted);
        let wait_s = seconds(&jobs, |job| job.wait_ms);
        let span = Span::of(outcome);
        let (cost, energy_kwh) = spent(outcome, counted);
        Self {
            jobs: jobs.len() as u64,
            unsuccessful: jobs.iter().filter(|job| !job.succeeded).count() as u64,
            objective: objective(&jobs),
            flow_time_s: seconds(&jobs, |job| job.flow_ms),
            wait_s,
            bounded_slowdown: Distribution::of(jobs.iter().map(JudgedJob::bounded_slowdown)),
            deadlines: Deadlines::of(&jobs),
            starvation: Starvation {
                share: starved_share(&jobs),
                longest_wait_s: wait_s.max,
            },
            fairness: between_owners(&jobs),
            utilisation: by(outcome.busy_ms, span.to_end_ms),
            utilisation_published: by(outcome.busy_ms, span.to_last_start_ms),
            makespan_s: span.to_end_ms / 1_000.0,
            throughput_per_hour: by(outcome.completions as f64 * 3_600_000.0, span.to_end_ms),
            cost,
            energy_kwh,
        }
    }
}

/// Of the whole run, from the first submission.
struct Span {
    to_end_ms: f64,
    to_last_start_ms: f64,
}

impl Span {
    fn of(outcome: &Outcome) -> Self {
        let submitted = outcome.jobs.iter().map(|job| job.submitted_ms);
        let first_ms = submitted.min().unwrap_or(0);
        let ends = outcome.jobs.iter().filter_map(|job| job.ended_ms);
        let last_end_ms = ends.max().unwrap_or(outcome.ended_ms);
        Self {
            to_end_ms: last_end_ms.saturating_sub(first_ms) as f64,
            to_last_start_ms: outcome.last_start_ms.saturating_sub(first_ms) as f64,
        }
    }
}

fn seconds(jobs: &[JudgedJob], ms: impl Fn(&JudgedJob) -> u64) -> Distribution {
    Distribution::of(jobs.iter().map(|job| ms(job) as f64 / 1_000.0))
}

/// Money and kilowatt hours of the jobs that count.
fn spent(outcome: &Outcome, counted: &Counted) -> (f64, f64) {
    let jobs = counted.jobs(outcome);
    let micros: f64 = jobs.iter().map(|job| job.cost_micros).sum();
    let joules: f64 = jobs.iter().map(|job| job.energy_joules).sum();
    (micros / 1e6, joules / 3.6e6)
}

fn by(amount: f64, span: f64) -> f64 {
    if span > 0.0 { amount / span } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::synthetic;

    #[test]
    fn of_a_small_run() {
        let figures = Figures::of(&synthetic::outcome());
        assert_eq!((figures.jobs, figures.unsuccessful), (20, 1));
        // Submitted at 1 s, the last end at 401 s.
        assert_eq!(figures.makespan_s, 400.0);
        assert_eq!(figures.utilisation, 0.5);
        assert_eq!(figures.utilisation_published, 200.0 / 250.0);
        assert_eq!(figures.throughput_per_hour, 21.0 * 9.0);
        assert_eq!((figures.cost, figures.energy_kwh), (0.5, 1.0));
        assert_eq!(figures.starvation.longest_wait_s, figures.wait_s.max);
        assert!(figures.flow_time_s.mean > figures.wait_s.mean);
    }

    #[test]
    fn warm_up_leaves_out_the_first_submitted() {
        let outcome = synthetic::outcome();
        let figures = Figures::counting(&outcome, &Counted::AfterWarmUp);
        assert_eq!(figures.jobs, 18);
        let mut late = outcome.clone();
        late.jobs.retain(|job| job.job >= 2);
        let expected = Figures::of(&late);
        assert_eq!(figures.objective, expected.objective);
        assert_eq!(figures.cost, expected.cost);
        // The cluster's own figures are of the whole run.
        assert_eq!(figures.utilisation, Figures::of(&outcome).utilisation);
    }

    #[test]
    fn nothing_ran() {
        let figures = Figures::of(&Outcome::default());
        assert_eq!(figures.objective, 0.0);
        assert_eq!(figures.utilisation, 0.0);
        assert_eq!(figures.fairness, 1.0);
    }
}
