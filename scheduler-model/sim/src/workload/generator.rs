//! Independent jobs of one task, uniform in size and time: what small research tools on scheduling generate.
//!
//! `--generate-jobs 50 --n-min 1 --n-max 4 --p-min 1 --p-max 30 --seed 7` are 50 jobs of 1 to 4 processors (n) that take 1 to
//! 30 seconds (p).

use std::ops::RangeInclusive;

use drover_model::{Priority, Resources};
use rand_distr::Exp1;

use super::{
    family::{Parameters, ParametersError},
    intensity::{Intensity, submit, submit_after},
    streams::Streams,
    task,
};
use crate::trace::{Trace, TraceJob, TraceNode};

#[derive(Clone, Debug, PartialEq)]
pub struct Generator {
    pub jobs: u32,
    /// Of a job, each of 1,000 millicores.
    pub processors: RangeInclusive<u32>,
    /// Run times in whole seconds. Users know them.
    pub seconds: RangeInclusive<u32>,
    pub arrivals: Arrivals,
    /// Every job has its deadline at so many times of its run time. `None`: there are no deadlines.
    pub slack: Option<f64>,
    pub seed: u64,
}

/// When jobs arrive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arrivals {
    /// A Poisson process of so many jobs a second.
    PerSecond(f64),
    /// A Poisson process that gives this offered load on the nodes.
    Load(f64),
    /// All at the beginning.
    AtOnce,
}

/// Busy, and without a queue that only grows.
impl Default for Arrivals {
    fn default() -> Self {
        Self::Load(0.9)
    }
}

/// What cannot be generated, by the flag that says it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GeneratorError {
    #[error("--generate-jobs: {0}")]
    Parameters(#[from] ParametersError),
    #[error("--n-min is 0: a job takes at least one processor")]
    NoProcessors,
    #[error("--n-min {0} is above --n-max {1}")]
    ProcessorsReversed(u32, u32),
    #[error("--p-min is 0: a job takes at least a second")]
    NoTime,
    #[error("--p-min {0} is above --p-max {1}")]
    SecondsReversed(u32, u32),
    #[error("there are no nodes to run jobs on")]
    NoNodes,
    #[error(
        "--n-max is {wanted}, but the largest node has {largest} whole processors: ask for less, or for larger nodes"
    )]
    TooWide { wanted: u32, largest: u64 },
    #[error("the arrival rate is {0} jobs a second, but must be a number from 0.000001 to 1000000")]
    Rate(f64),
    #[error(
        "the slack is {0}, but must be a number from 1 to 1000000: at 1 a job has to start at once"
    )]
    Slack(f64),
}

const RATES: RangeInclusive<f64> = 1e-6..=1e6;

impl Generator {
    pub fn check(&self, nodes: &[TraceNode]) -> Result<(), GeneratorError> {
        let load = match self.arrivals {
            Arrivals::Load(load) => load,
            Arrivals::PerSecond(_) | Arrivals::AtOnce => 1.0,
        };
        let parameters = Parameters {
            load,
            jobs: self.jobs,
            seed: self.seed,
        };
        parameters.check()?;
        self.check_sizes(nodes)?;
        match (self.arrivals, self.slack) {
            (Arrivals::PerSecond(rate), _) if !RATES.contains(&rate) => {
                Err(GeneratorError::Rate(rate))
            }
            (_, Some(slack)) if !(1.0..=1e6).contains(&slack) => Err(GeneratorError::Slack(slack)),
            _ => Ok(()),
        }
    }

    fn check_sizes(&self, nodes: &[TraceNode]) -> Result<(), GeneratorError> {
        let (fewest, most) = (*self.processors.start(), *self.processors.end());
        let (shortest, longest) = (*self.seconds.start(), *self.seconds.end());
        let cpus = nodes.iter().map(|node| node.capacity.cpu_millis / 1_000);
        match cpus.max() {
            _ if fewest == 0 => Err(GeneratorError::NoProcessors),
            _ if fewest > most => Err(GeneratorError::ProcessorsReversed(fewest, most)),
            _ if shortest == 0 => Err(GeneratorError::NoTime),
            _ if shortest > longest => Err(GeneratorError::SecondsReversed(shortest, longest)),
            None => Err(GeneratorError::NoNodes),
            Some(largest) if u64::from(most) > largest => Err(GeneratorError::TooWide {
                wanted: most,
                largest,
            }),
            Some(_) => Ok(()),
        }
    }

    /// Equal parameters and nodes give equal traces.
    pub fn generate(&self, nodes: Vec<TraceNode>) -> Result<Trace, GeneratorError> {
        self.check(&nodes)?;
        let mut streams = Streams::new(self.seed);
        let blank = blank();
        let jobs = (0..self.jobs).map(|_| self.job(&blank, &mut streams));
        let mut trace = Trace {
            name: format!("{} generated jobs, seed {}", self.jobs, self.seed).into(),
            jobs: jobs.collect(),
            nodes,
        };
        let constant = Intensity::constant();
        let random = &mut streams.arrivals;
        match self.arrivals {
            Arrivals::AtOnce => {}
            Arrivals::Load(load) => {
                let span_ms = trace.busy_ms() / load;
                submit(&mut trace, span_ms, &constant, random);
            }
            Arrivals::PerSecond(rate) => {
                let gap = || -> f64 {
                    let gap_s: f64 = random.sample(&Exp1);
                    gap_s * 1_000.0 / rate
                };
                submit_after(&mut trace, None, &constant, gap);
            }
        }
        Ok(trace)
    }

    fn job(&self, blank: &TraceJob, streams: &mut Streams) -> TraceJob {
        let mut uniform = |range: &RangeInclusive<u32>| {
            let drawn = streams
                .work
                .between((*range.start()).into(), (*range.end()).into());
            drawn as u32
        };
        let processors = uniform(&self.processors);
        let run_ms = u64::from(uniform(&self.seconds)) * 1_000;
        let resources = Resources {
            cpu_millis: u64::from(processors) * 1_000,
            ..Resources::ZERO
        };
        let task = task::single(processors.into(), resources, run_ms, Some(run_ms));
        TraceJob {
            deadline_ms: self
                .slack
                .map(|slack| (run_ms as f64 * slack).round() as u64),
            tasks: vec![task],
            ..blank.clone()
        }
    }
}

/// What all generated jobs have in common.
fn blank() -> TraceJob {
    TraceJob {
        submitted_ms: 0,
        name: "generated".into(),
        owner: "generator".into(),
        queue: "default".into(),
        priority: Priority::NORMAL,
        deadline_ms: None,
        tasks: Vec::new(),
        recorded: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::equal_nodes;

    fn generator() -> Generator {
        Generator {
            jobs: 50,
            processors: 1..=4,
            seconds: 1..=30,
            arrivals: Arrivals::default(),
            slack: None,
            seed: 7,
        }
    }

    fn error(change: impl FnOnce(&mut Generator)) -> String {
        let mut generator = generator();
        change(&mut generator);
        generator
            .generate(equal_nodes(2, 8))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn sizes_and_times_reach_their_limits_and_keep_them() {
        let generator = Generator {
            jobs: 2_000,
            ..generator()
        };
        let trace = generator.generate(equal_nodes(2, 8)).unwrap();
        let mut sizes = [0; 4];
        let mut seconds = [0; 30];
        for job in &trace.jobs {
            sizes[(job.tasks[0].resources.cpu_millis / 1_000) as usize - 1] += 1;
            seconds[(job.ideal_ms() / 1_000) as usize - 1] += 1;
        }
        // Expected are 500 and 67; five standard deviations are 97 and 40.
        assert!(
            sizes.iter().all(|count| (403..597).contains(count)),
            "{sizes:?}"
        );
        assert!(
            seconds.iter().all(|count| (27..107).contains(count)),
            "{seconds:?}"
        );
        assert!(
            (trace.offered_load() - 0.9).abs() < 0.001,
            "{}",
            trace.offered_load()
        );
        assert_eq!(trace, generator.generate(equal_nodes(2, 8)).unwrap());
    }

    #[test]
    fn arrivals_follow_the_rate() {
        let mut generator = Generator {
            jobs: 4_000,
            arrivals: Arrivals::PerSecond(2.0),
            ..generator()
        };
        let trace = generator.generate(equal_nodes(2, 8)).unwrap();
        let last_ms = trace.jobs.last().unwrap().submitted_ms as f64;
        // The mean gap of 500 ms has a standard error of 500 / sqrt(4,000) = 8.
        assert!(
            (last_ms / 4_000.0 - 500.0).abs() < 32.0,
            "seed 7: {last_ms}"
        );
        generator.arrivals = Arrivals::AtOnce;
        let trace = generator.generate(equal_nodes(2, 8)).unwrap();
        assert!(trace.jobs.iter().all(|job| job.submitted_ms == 0));
    }

    #[test]
    fn deadlines_leave_the_slack_and_change_nothing_else() {
        let with = Generator {
            slack: Some(2.5),
            ..generator()
        };
        let with = with.generate(equal_nodes(1, 4)).unwrap();
        let without = generator().generate(equal_nodes(1, 4)).unwrap();
        for (with, without) in with.jobs.iter().zip(&without.jobs) {
            assert_eq!(with.deadline_ms, Some(with.ideal_ms() * 5 / 2));
            assert_eq!(
                (with.submitted_ms, &with.tasks),
                (without.submitted_ms, &without.tasks)
            );
            assert_eq!(without.deadline_ms, None);
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_flag() {
        assert!(error(|it| it.jobs = 0).contains("number of jobs is 0"));
        assert!(error(|it| it.processors = 0..=4).contains("--n-min is 0"));
        let reversed = error(|it| it.processors = RangeInclusive::new(5, 4));
        assert_eq!(reversed, "--n-min 5 is above --n-max 4");
        assert!(error(|it| it.seconds = 0..=4).contains("--p-min is 0"));
        let reversed = error(|it| it.seconds = RangeInclusive::new(5, 4));
        assert_eq!(reversed, "--p-min 5 is above --p-max 4");
        assert!(error(|it| it.processors = 1..=9).contains("largest node has 8"));
        for load in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(error(|it| it.arrivals = Arrivals::Load(load)).contains("load"));
            assert!(error(|it| it.arrivals = Arrivals::PerSecond(load)).contains("rate"));
            assert!(error(|it| it.slack = Some(load)).contains("slack"));
        }
        assert_eq!(
            generator().generate(Vec::new()),
            Err(GeneratorError::NoNodes)
        );
    }
}
