//! Queries as something to simulate: a batch, or a stream.

use std::{
    hash::{Hash as _, Hasher as _},
    sync::Arc,
};

use drover_model::{Constraints, Priority, Resources};
use rustc_hash::FxHasher;

use super::{Query, QuerySet, Stage};
use crate::{
    random::{Purpose, Random},
    trace::{ParseTraceError, Runs, Trace, TraceJob, TraceNode, TraceTask, Wide},
};

/// Of one slot each, in the published experiments.
pub const EXECUTORS: u32 = 50;
/// Between jobs of the published streams, on average.
pub const MEAN_GAP_MS: f64 = 25_000.0;

/// A slot takes one task at a time.
const SLOT_MILLIS: u64 = 1_000;

/// When jobs come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arrivals {
    /// All at time 0.
    Batch,
    /// The first at time 0, the others as a Poisson process.
    Stream { mean_gap_ms: f64 },
}

/// What it costs that an executor changes from one stage or job to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moving {
    /// Run times depend on what the executor did before and on how many the job has ([`Runs::Executors`]).
    Modelled,
    /// Nothing: every task of a stage takes the stage's rough duration.
    Free,
}

/// Jobs drawn from queries: size and query uniformly and independently, as Decima draws them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    pub jobs: usize,
    pub arrivals: Arrivals,
    pub moving: Moving,
    pub executors: u32,
    pub seed: u64,
}

impl Default for Load {
    /// The published batch.
    fn default() -> Self {
        Self {
            jobs: 20,
            arrivals: Arrivals::Batch,
            moving: Moving::Modelled,
            executors: EXECUTORS,
            seed: 1,
        }
    }
}

impl Load {
    /// # Errors
    /// When there is nothing to draw from, nothing to draw, no executor, or no sensible gap.
    pub fn trace(&self, sizes: &[QuerySet]) -> Result<Trace, ParseTraceError> {
        self.check(sizes)?;
        let mut arrivals = Random::new(self.seed, Purpose::Arrivals);
        let mut work = Random::new(self.seed, Purpose::Work);
        let mut at_ms = 0.0;
        let mut jobs = Vec::with_capacity(self.jobs);
        for place in 0..self.jobs {
            if let (Arrivals::Stream { mean_gap_ms }, 1..) = (self.arrivals, place) {
                at_ms += mean_gap_ms * exponential(&mut arrivals);
            }
            let size = work.pick(sizes);
            let query = work.pick(&size.queries);
            jobs.push(self.job(at_ms as u64, place, size, query));
        }
        let kind = match self.arrivals {
            Arrivals::Batch => "batch",
            Arrivals::Stream { .. } => "stream",
        };
        Ok(Trace {
            name: format!("tpch {kind} of {} jobs, seed {}", self.jobs, self.seed).into(),
            nodes: (1..=self.executors).map(executor).collect(),
            jobs,
        })
    }

    fn check(&self, sizes: &[QuerySet]) -> Result<(), ParseTraceError> {
        if sizes.is_empty() || sizes.iter().any(|size| size.queries.is_empty()) {
            return Err(ParseTraceError::Setting("there is no query to draw from"));
        }
        if self.jobs == 0 || self.executors == 0 {
            return Err(ParseTraceError::Setting(
                "at least one job and one executor are needed",
            ));
        }
        match self.arrivals {
            Arrivals::Stream { mean_gap_ms }
                if !(mean_gap_ms >= 0.0 && mean_gap_ms.is_finite()) =>
            {
                Err(ParseTraceError::Setting(
                    "the mean gap must be at least 0 ms",
                ))
            }
            _ => Ok(()),
        }
    }

    fn job(&self, submitted_ms: u64, place: usize, size: &QuerySet, query: &Query) -> TraceJob {
        let constraints = Arc::default();
        let stages = query.stages.iter().enumerate();
        TraceJob {
            submitted_ms,
            name: format!("{}-{}-{}", place + 1, size.name, query.number).into(),
            owner: "decima".into(),
            queue: "default".into(),
            priority: Priority::NORMAL,
            deadline_ms: None,
            tasks: stages
                .map(|(stage, of)| {
                    let signature = signature(size, query, stage);
                    self.task(of, signature, &constraints)
                })
                .collect(),
            recorded: None,
        }
    }

    fn task(&self, stage: &Stage, signature: u64, constraints: &Arc<Constraints>) -> TraceTask {
        let rough_ms = stage.durations.rough_ms;
        TraceTask {
            needs: stage.needs.clone(),
            wide: if stage.tasks > 1 {
                Wide::Array
            } else {
                Wide::Single
            },
            resources: slot(),
            constraints: Arc::clone(constraints),
            stated_ms: Some(rough_ms),
            signature,
            runs: match self.moving {
                Moving::Modelled => Runs::Executors {
                    count: stage.tasks,
                    durations: Arc::clone(&stage.durations),
                },
                Moving::Free if stage.tasks == 1 => Runs::One(rough_ms),
                Moving::Free => Runs::Many(vec![rough_ms; stage.tasks as usize].into()),
            },
            retries: 0,
        }
    }
}

/// With mean 1, by inversion. Above 0, so that the logarithm is finite.
fn exponential(random: &mut Random) -> f64 {
    const STEPS: u64 = 1 << 53;
    let uniform = (random.below(STEPS) + 1) as f64 / STEPS as f64;
    -uniform.ln()
}

/// The same stage of the same query over as much data.
fn signature(size: &QuerySet, query: &Query, stage: usize) -> u64 {
    let mut hasher = FxHasher::default();
    (&*size.name, query.number, stage).hash(&mut hasher);
    hasher.finish()
}

fn executor(number: u32) -> TraceNode {
    TraceNode::plain(format!("executor-{number}"), slot())
}

fn slot() -> Resources {
    Resources {
        cpu_millis: SLOT_MILLIS,
        ..Resources::default()
    }
}
