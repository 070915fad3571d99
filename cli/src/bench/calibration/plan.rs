//! What is run for a calibration: the same for equal seeds.

use std::time::Duration;

use drover_proto::{
    time,
    v1::{self, task_spec::Run},
};
use drover_sim::random::{Purpose, Random};

/// Every tenth job of the load that never waits is a process.
const PROCESS_EVERY: u32 = 10;
/// Between two jobs of the load that never waits, on average, in units of their mean run time.
const GAP: f64 = 0.5;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Planned {
    /// From the beginning.
    pub(super) at: Duration,
    cpu_millis: u64,
    run_ms: u64,
    is_process: bool,
}

impl Planned {
    pub(super) fn job(&self, namespace: &str, queue: &str) -> v1::JobSpec {
        let seconds = self.run_ms as f64 / 1_000.0;
        let run = if self.is_process {
            Run::Command(v1::Command {
                argv: vec!["sleep".into(), seconds.to_string().into()],
                ..v1::Command::default()
            })
        } else {
            Run::Simulate(v1::Simulate {
                duration: Some(time::duration(self.run_ms)),
                failure_chance: 0.0,
            })
        };
        let task = v1::TaskSpec {
            name: "only".to_owned(),
            run: Some(run),
            estimate: Some(time::duration(self.run_ms)),
            resources: Some(v1::Resources {
                cpu_millis: self.cpu_millis,
                ..v1::Resources::default()
            }),
            ..v1::TaskSpec::default()
        };
        v1::JobSpec {
            name: "calibration".to_owned(),
            namespace: namespace.to_owned(),
            queue: queue.to_owned(),
            tasks: vec![task],
            ..v1::JobSpec::default()
        }
    }
}

pub(super) struct Planner {
    jobs: u32,
    mean_ms: f64,
    arrivals: Random,
    work: Random,
}

impl Planner {
    pub(super) fn new(seed: u64, jobs: u32, run_time: Duration) -> Self {
        Self {
            jobs,
            mean_ms: run_time.as_secs_f64() * 1_000.0,
            arrivals: Random::new(seed, Purpose::Arrivals),
            work: Random::new(seed, Purpose::Work),
        }
    }

    /// A hundredth of a core each, of which two run at the same time on average.
    pub(super) fn uncontended(&mut self) -> Vec<Planned> {
        let mean_ms = self.mean_ms / 5.0;
        let mut at_ms = 0.0;
        let jobs = (1..=self.jobs).map(|number| {
            at_ms += self.gap_ms(mean_ms * GAP);
            Planned {
                at: Duration::from_secs_f64(at_ms / 1_000.0),
                cpu_millis: 10,
                run_ms: self.run_ms(mean_ms),
                is_process: number % PROCESS_EVERY == 0,
            }
        });
        jobs.collect()
    }

    /// One core to half of a node each, so many that they keep so many cores busy.
    pub(super) fn contended(&mut self, node_cpus: u32, busy_cpus: f64) -> Vec<Planned> {
        let widest = u64::from(node_cpus / 2).max(1);
        let mean_cpus = (1.0 + widest as f64) / 2.0;
        let gap_ms = mean_cpus * self.mean_ms / busy_cpus;
        let mut at_ms = 0.0;
        let jobs = (0..self.jobs).map(|_| {
            at_ms += self.gap_ms(gap_ms);
            Planned {
                at: Duration::from_secs_f64(at_ms / 1_000.0),
                cpu_millis: 1_000 * self.work.between(1, widest),
                run_ms: self.run_ms(self.mean_ms),
                is_process: false,
            }
        });
        jobs.collect()
    }

    /// Poisson arrivals.
    fn gap_ms(&mut self, mean_ms: f64) -> f64 {
        -mean_ms * (1.0 - self.arrivals.unit()).ln()
    }

    /// Uniform from a tenth of the mean on.
    fn run_ms(&mut self, mean_ms: f64) -> u64 {
        self.work.real(0.1 * mean_ms, 1.9 * mean_ms).round() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_is_what_was_asked_for() {
        let mut planner = Planner::new(1, 4_000, Duration::from_secs(1));
        let planned = planner.contended(16, 28.8);
        let work: f64 = planned
            .iter()
            .map(|one| one.cpu_millis as f64 * one.run_ms as f64 / 1e6)
            .sum();
        let busy = work / planned.last().expect("some").at.as_secs_f64();
        // Relative standard errors of arrivals, widths and times: 0.016, 0.008 and 0.008.
        assert!((busy / 28.8 - 1.0).abs() < 0.08, "{busy}");
        assert!(planned.iter().all(|one| one.cpu_millis <= 8_000));
        let mut again = Planner::new(1, 4_000, Duration::from_secs(1));
        assert_eq!(planned, again.contended(16, 28.8));
    }

    #[test]
    fn some_jobs_are_processes() {
        let planned = Planner::new(1, 20, Duration::from_secs(1)).uncontended();
        let processes = planned.iter().filter(|one| one.is_process);
        assert_eq!(processes.count(), 2);
        assert!(planned.is_sorted_by_key(|one| one.at));
    }
}
