//! What happened against what was simulated.

use drover_sim::{
    evaluate::quantile,
    simulate::Outcome,
    trace::{Recorded, Trace},
};
use serde::Serialize;

use crate::output;

/// Without contention so many of the starts, in percent, are within so many milliseconds.
const STARTS_PERCENT: f64 = 99.0;
const START_MS: u64 = 20;
/// With contention means and 95th percentiles differ by no more.
const DIFFERENCE_PERCENT: f64 = 5.0;

#[derive(Debug, Serialize)]
pub(super) struct Comparison {
    /// From submission to start on a cluster that has room.
    start_latency_ms: u64,
    /// Without contention.
    starts: Starts,
    /// With contention.
    figures: Vec<Figure>,
    /// All of it is within the limits.
    pub(super) holds: bool,
}

#[derive(Debug, Serialize)]
struct Starts {
    compared: usize,
    within_percent: f64,
    /// 99th percentile of the differences.
    p99_ms: u64,
}

#[derive(Debug, Serialize)]
struct Figure {
    name: &'static str,
    real_ms: f64,
    simulated_ms: f64,
    difference_percent: f64,
}

/// The mean over the first half of the jobs, so that the others are judged by what they had no part in. Not the median: all that is
/// lost between an end and the next start adds to the load.
pub(super) fn start_latency_ms(trace: &Trace) -> u64 {
    let half = &trace.jobs[..trace.jobs.len() / 2];
    let waits = half.iter().filter_map(|job| {
        let started = job.recorded?.first_start_ms?;
        Some(started.saturating_sub(job.submitted_ms))
    });
    let waits: Vec<u64> = waits.collect();
    mean(&waits).round() as u64
}

impl Comparison {
    /// Each a recorded trace and what was simulated of it.
    pub(super) fn new(
        start_latency_ms: u64,
        uncontended: (&Trace, &Outcome),
        contended: (&Trace, &Outcome),
    ) -> Self {
        let starts = Starts::new(uncontended);
        let figures = figures(contended);
        let is_near = |figure: &Figure| figure.difference_percent.abs() <= DIFFERENCE_PERCENT;
        Self {
            start_latency_ms,
            holds: starts.within_percent >= STARTS_PERCENT && figures.iter().all(is_near),
            starts,
            figures,
        }
    }

    pub(super) fn text(&self) -> String {
        let Starts {
            compared,
            within_percent,
            p99_ms,
        } = &self.starts;
        let rows: Vec<[String; 4]> = self.figures.iter().map(Figure::row).collect();
        let headings = ["WITH CONTENTION", "REAL MS", "SIMULATED MS", "DIFFERENCE"];
        let verdict = match self.holds {
            true => "within the limits",
            false => "BEYOND THE LIMITS",
        };
        format!(
            "A start follows a submission after {} ms.\nWithout contention {within_percent:.2} % of {compared} starts are \
             within {START_MS} ms of the real ones, 99 % within {p99_ms} ms.\n\n{}\n{verdict}: {STARTS_PERCENT} % of starts \
             within {START_MS} ms, figures within {DIFFERENCE_PERCENT} %\n",
            self.start_latency_ms,
            output::table(headings, &rows)
        )
    }
}

impl Starts {
    fn new((trace, outcome): (&Trace, &Outcome)) -> Self {
        let starts = pairs(trace, outcome).filter_map(|(real, simulated, _)| {
            let started = simulated.first_start_ms?;
            Some(started.abs_diff(real.first_start_ms?))
        });
        let mut differences: Vec<u64> = starts.collect();
        differences.sort_unstable();
        let within = differences.partition_point(|difference| *difference <= START_MS);
        let compared = differences.len();
        Self {
            compared,
            within_percent: 100.0 * within as f64 / compared.max(1) as f64,
            p99_ms: percentile(&differences, 99).ceil() as u64,
        }
    }
}

impl Figure {
    fn new(name: &'static str, real_ms: f64, simulated_ms: f64) -> Self {
        Self {
            name,
            real_ms,
            simulated_ms,
            difference_percent: 100.0 * (simulated_ms - real_ms) / real_ms.max(1.0),
        }
    }

    fn row(&self) -> [String; 4] {
        [
            self.name.to_owned(),
            format!("{:.1}", self.real_ms),
            format!("{:.1}", self.simulated_ms),
            format!("{:+.2} %", self.difference_percent),
        ]
    }
}

fn figures((trace, outcome): (&Trace, &Outcome)) -> Vec<Figure> {
    let mut real = Times::default();
    let mut simulated = Times::default();
    for (recorded, job, submitted) in pairs(trace, outcome) {
        real.add(submitted, recorded.first_start_ms, recorded.ended_ms);
        simulated.add(submitted, job.first_start_ms, job.ended_ms);
    }
    let p95 = |times: &[u64]| percentile(times, 95);
    vec![
        Figure::new("wait mean", mean(&real.waits), mean(&simulated.waits)),
        Figure::new("wait p95", p95(&real.waits), p95(&simulated.waits)),
        Figure::new("flow mean", mean(&real.flows), mean(&simulated.flows)),
        Figure::new("flow p95", p95(&real.flows), p95(&simulated.flows)),
    ]
}

#[derive(Default)]
struct Times {
    waits: Vec<u64>,
    flows: Vec<u64>,
}

impl Times {
    fn add(&mut self, submitted: u64, started: Option<u64>, ended: Option<u64>) {
        let since = |at: u64| at.saturating_sub(submitted);
        self.waits.extend(started.map(since));
        self.flows.extend(ended.map(since));
    }
}

/// What was recorded of each job, what was simulated, and when it was submitted.
fn pairs<'a>(
    trace: &'a Trace,
    outcome: &'a Outcome,
) -> impl Iterator<Item = (Recorded, &'a drover_sim::simulate::JobOutcome, u64)> {
    outcome.jobs.iter().filter_map(|simulated| {
        let job = &trace.jobs[simulated.job as usize];
        Some((job.recorded?, simulated, job.submitted_ms))
    })
}

fn mean(times: &[u64]) -> f64 {
    times.iter().sum::<u64>() as f64 / times.len().max(1) as f64
}

/// As in evaluations; 0 of nothing.
fn percentile(times: &[u64], percent: u32) -> f64 {
    let times: Vec<f64> = times.iter().map(|time| *time as f64).collect();
    quantile(&times, f64::from(percent) / 100.0).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use drover_sim::{simulate, workload};

    use super::*;

    /// One job after the other on one core, recorded so much later than simulated.
    fn recorded(late_ms: u64) -> (Trace, Outcome) {
        let generator = workload::generator::Generator {
            jobs: 40,
            processors: 1..=1,
            seconds: 1..=9,
            arrivals: workload::generator::Arrivals::Load(0.9),
            slack: None,
            seed: 1,
        };
        let trace = generator.generate(workload::equal_nodes(1, 1));
        let mut trace = trace.expect("it makes sense");
        let outcome = simulate::simulate(&trace, &simulate::Options::default());
        let outcome = outcome.expect("it makes sense");
        for (job, simulated) in trace.jobs.iter_mut().zip(&outcome.jobs) {
            job.recorded = Some(Recorded {
                first_start_ms: simulated.first_start_ms.map(|at| at + late_ms),
                ended_ms: simulated.ended_ms.map(|at| at + late_ms),
                succeeded: true,
                cost_micros: 0,
            });
        }
        (trace, outcome)
    }

    #[test]
    fn what_is_near_holds_and_what_is_not_does_not() {
        let near = recorded(20);
        let near = (&near.0, &near.1);
        let comparison = Comparison::new(0, near, near);
        assert!(comparison.holds, "{comparison:?}");
        assert_eq!(
            (comparison.starts.within_percent, comparison.starts.p99_ms),
            (100.0, 20)
        );
        let late = recorded(21);
        let late = (&late.0, &late.1);
        assert!(!Comparison::new(0, late, near).holds, "starts are late");
        let later = recorded(60_000);
        let comparison = Comparison::new(0, near, (&later.0, &later.1));
        assert!(!comparison.holds);
        assert!(comparison.figures[0].difference_percent < -5.0);
        assert!(comparison.text().contains("BEYOND THE LIMITS"));
    }

    #[test]
    fn the_latency_is_the_mean_of_waits() {
        let (mut trace, _) = recorded(0);
        for (job, wait) in trace.jobs.iter_mut().zip([2, 8].into_iter().cycle()) {
            let recorded = job.recorded.as_mut().expect("just set");
            recorded.first_start_ms = Some(job.submitted_ms + wait);
        }
        assert_eq!(start_latency_ms(&trace), 5);
    }

    #[test]
    fn percentiles_are_of_what_was_seen() {
        let sorted: Vec<u64> = (1..=100).collect();
        assert!((percentile(&sorted, 95) - 95.05).abs() < 1e-9);
        assert_eq!(percentile(&[7], 95), 7.0);
        assert_eq!(percentile(&[], 95), 0.0);
    }
}
