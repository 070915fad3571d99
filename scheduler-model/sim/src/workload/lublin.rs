//! Rigid parallel jobs on one machine, as U. Lublin and D. Feitelson found them in three logs ("The workload on parallel
//! supercomputers: modeling the characteristics of rigid jobs", Journal of Parallel and Distributed Computing 63(11), 2003).
//!
//! Sizes are two-stage uniform in their logarithm, with more serial and power-of-two jobs; run times are hyper-gamma in
//! their logarithm, longer for wider jobs; gaps between arrivals are gamma in their logarithm, on a clock that follows the
//! day. Constants are those of the authors' program `lublin99.c`, in [`Model`].

mod arrivals;
mod model;
#[cfg(test)]
mod tests;

use drover_model::{Priority, Resources};
use rand_distr::Gamma;

use super::{
    family::{Parameters, ParametersError},
    nodes::equal_nodes,
    streams::Streams,
    task,
};
use crate::{
    random::Random,
    trace::{Trace, TraceJob},
};
pub use model::Model;

/// Logarithms of run times (in seconds) above are drawn again: two days.
const MOST_LOG_RUN: f64 = 12.0;

/// Of the machine that [`super::LUBLIN`] is for, which is as wide as that of many published comparisons.
const PROCESSORS: u32 = 256;

/// One trace of the model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lublin {
    /// Of the machine, each of 1,000 millicores. All are one node.
    pub processors: u32,
    pub jobs: u32,
    pub seed: u64,
    /// Gaps between arrivals are scaled until this is the offered load. `None`: they are as published.
    pub load: Option<f64>,
    /// Users ask for 1 to 1 + `overestimate` times the run time, uniformly (the f-model: D. Feitelson, A. Mu'alem Weil,
    /// "Utilization and predictability in scheduling the IBM SP2 with backfilling", IPPS 1998). 0: they know it.
    pub overestimate: f64,
    pub model: Model,
}

/// What the model cannot be asked for.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum LublinError {
    #[error(transparent)]
    Parameters(#[from] ParametersError),
    #[error("the machine has {0} processors, but must have from 2 to {most}", most = Lublin::MOST_PROCESSORS)]
    Processors(u32),
    #[error(
        "the overestimate is {0}, but must be a number from 0 to 1000; 4 asks for up to five times the run time"
    )]
    Overestimate(f64),
}

impl Lublin {
    pub const MOST_PROCESSORS: u32 = 1 << 24;

    pub fn check(&self) -> Result<(), LublinError> {
        let parameters = Parameters {
            load: self.load.unwrap_or(1.0),
            jobs: self.jobs,
            seed: self.seed,
        };
        parameters.check()?;
        if !(2..=Self::MOST_PROCESSORS).contains(&self.processors) {
            return Err(LublinError::Processors(self.processors));
        }
        if !(0.0..=1_000.0).contains(&self.overestimate) {
            return Err(LublinError::Overestimate(self.overestimate));
        }
        Ok(())
    }

    /// Equal parameters give equal traces.
    pub fn generate(&self) -> Result<Trace, LublinError> {
        self.check()?;
        let mut streams = Streams::new(self.seed);
        let jobs = Jobs::new(self);
        let jobs = (0..self.jobs).map(|_| jobs.draw(&mut streams));
        let mut trace = Trace {
            name: format!("lublin, {} processors, seed {}", self.processors, self.seed).into(),
            nodes: equal_nodes(1, self.processors),
            jobs: jobs.collect(),
        };
        let span_ms = self.load.map(|load| trace.busy_ms() / load);
        arrivals::submit(&mut trace, &self.model, span_ms, &mut streams.arrivals);
        Ok(trace)
    }
}

/// The family of that name: jobs of all kinds, and users who know their run times.
pub(super) fn build(parameters: &Parameters, _: Streams) -> Trace {
    let lublin = Lublin {
        processors: PROCESSORS,
        jobs: parameters.jobs,
        seed: parameters.seed,
        load: Some(parameters.load),
        overestimate: 0.0,
        model: Model::ALL,
    };
    lublin.generate().expect("parameters that were checked")
}

struct Jobs<'a> {
    lublin: &'a Lublin,
    /// Distributions of the logarithm of the run time.
    short: Gamma<f64>,
    long: Gamma<f64>,
    /// That all jobs have in common: the model says nothing of it.
    blank: TraceJob,
}

impl<'a> Jobs<'a> {
    fn new(lublin: &'a Lublin) -> Self {
        let [short, long] = lublin.model.log_run;
        Self {
            lublin,
            short: model::gamma(short),
            long: model::gamma(long),
            blank: TraceJob {
                submitted_ms: 0,
                name: "job".into(),
                owner: "user".into(),
                queue: "default".into(),
                priority: Priority::NORMAL,
                deadline_ms: None,
                tasks: Vec::new(),
                recorded: None,
            },
        }
    }

    fn draw(&self, streams: &mut Streams) -> TraceJob {
        let processors = self.size(&mut streams.work);
        let run_ms = self.run_ms(processors, &mut streams.work);
        let factor = 1.0 + streams.estimates.real(0.0, self.lublin.overestimate);
        let stated_ms = (run_ms as f64 * factor).round() as u64;
        let resources = Resources {
            cpu_millis: u64::from(processors) * 1_000,
            ..Resources::ZERO
        };
        let task = task::single(processors.into(), resources, run_ms, Some(stated_ms));
        TraceJob {
            tasks: vec![task],
            ..self.blank.clone()
        }
    }

    /// Processors. What is rounded to a power of two is wider than the machine at times, and is then as wide.
    fn size(&self, random: &mut Random) -> u32 {
        let model = &self.lublin.model;
        let chosen = random.real(0.0, 1.0);
        if chosen < model.serial {
            return 1;
        }
        let mut log = self.log_size(random);
        if chosen < model.serial + model.power_of_two {
            log = log.round();
        }
        (log.exp2().round() as u32).clamp(1, self.lublin.processors)
    }

    /// To base 2: two-stage uniform.
    fn log_size(&self, random: &mut Random) -> f64 {
        let model = &self.lublin.model;
        let (low, middle, high) = model.log_sizes(self.lublin.processors);
        let chosen = random.real(0.0, 1.0);
        if chosen < model.below_middle {
            random.real(low, middle)
        } else {
            random.real(middle, high)
        }
    }

    fn run_ms(&self, processors: u32, random: &mut Random) -> u64 {
        let short = random.real(0.0, 1.0) < self.lublin.model.short_share(processors);
        let distribution = if short { &self.short } else { &self.long };
        loop {
            let log_seconds = random.sample(distribution);
            if log_seconds <= MOST_LOG_RUN {
                return (log_seconds.exp() * 1_000.0).round() as u64;
            }
        }
    }
}
