//! What arrives when, what it truly takes, and on what it runs.
//!
//! Readers of published logs, generators of workloads and exports of a live store all give a [`Trace`]; the simulator runs
//! nothing else.

pub mod alibaba;
mod fields;
pub mod format;
pub mod history;
mod order;
pub mod philly;
mod problem;
pub mod read;
pub mod swf;
pub mod tpch;
mod windows;

pub use problem::{ParseTraceError, Problem, ReadTraceError, Skipped};
pub use windows::{PUBLISHED_JOBS, PUBLISHED_LENGTH, PUBLISHED_STARTS, Windows};

use std::sync::Arc;

use drover_model::{Constraints, NodeAttributes, Priority, Resources, Topology};

/// No job's ideal time counts as less, for the objective and for deadlines that are made up: what takes a moment would dwarf
/// everything else.
pub const LEAST_IDEAL_MS: u64 = 1_000;

/// A load and the cluster that it is for.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// For people: the file, or the family with its load and seed.
    pub name: Arc<str>,
    pub nodes: Vec<TraceNode>,
    /// By time of submission; equal ones in the order of the source.
    pub jobs: Vec<TraceJob>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TraceNode {
    pub name: Arc<str>,
    pub capacity: Resources,
    pub attributes: NodeAttributes,
    /// Run times are divided by it: 2 is twice as fast. Above 0.
    pub speed: f64,
    /// Mean time to failure; then what runs there is lost and the node is away for `repair_ms` on average, both
    /// exponential. `None`: it does not fail.
    pub failure: Option<NodeFailure>,
}

impl TraceNode {
    /// Of speed 1, that costs nothing and does not fail.
    pub fn plain(name: impl Into<Arc<str>>, capacity: Resources) -> Self {
        Self {
            name: name.into(),
            capacity,
            attributes: NodeAttributes::default(),
            speed: 1.0,
            failure: None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NodeFailure {
    pub mean_up_ms: f64,
    pub mean_repair_ms: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TraceJob {
    /// From the beginning of the trace.
    pub submitted_ms: u64,
    pub name: Arc<str>,
    /// Whose it is, for fairness between owners.
    pub owner: Arc<str>,
    pub queue: Arc<str>,
    pub priority: Priority,
    /// From submission.
    pub deadline_ms: Option<u64>,
    /// At least one. Needs point backwards: a task comes after all that it needs.
    pub tasks: Vec<TraceTask>,
    /// What really happened to it where it was recorded, for comparison with what a simulation gives.
    pub recorded: Option<Recorded>,
}

/// One stage of a job: `runs.len()` instances of the same.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceTask {
    /// Ascending places of stages in the job's list.
    pub needs: Box<[u32]>,
    pub wide: Wide,
    /// Of one instance.
    pub resources: Resources,
    pub constraints: Arc<Constraints>,
    /// How long its user says that an instance takes. `None`: the scheduler has to learn it, by `signature`.
    pub stated_ms: Option<u64>,
    /// Equal work has equal signatures.
    pub signature: u64,
    /// Of each instance; at least one.
    pub runs: Runs,
    /// How often an attempt may fail before the task does.
    pub retries: u32,
}

/// How the instances of a stage belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wide {
    /// There is one.
    Single,
    /// Each starts by itself.
    Array,
    /// All start together, and end as one attempt.
    Gang(Topology),
}

/// True run times in milliseconds, on a node of speed 1, without noise.
#[derive(Clone, Debug, PartialEq)]
pub enum Runs {
    One(u64),
    /// One for each instance.
    Many(Box<[u64]>),
    /// `count` instances whose run times depend on where they run and beside what.
    Executors {
        count: u32,
        durations: Arc<StageDurations>,
    },
}

impl Runs {
    pub fn count(&self) -> u32 {
        match self {
            Self::One(_) => 1,
            Self::Many(runs) => runs.len() as u32,
            Self::Executors { count, .. } => *count,
        }
    }

    /// Of one instance; where it depends, roughly.
    pub fn ms(&self, instance: u32) -> u64 {
        match self {
            Self::One(ms) => *ms,
            Self::Many(runs) => runs[instance as usize],
            Self::Executors { durations, .. } => durations.rough_ms,
        }
    }

    /// Of the instance that runs longest.
    fn longest_ms(&self) -> u64 {
        let runs = (0..self.count()).map(|instance| self.ms(instance));
        runs.max().unwrap_or(0)
    }
}

/// Run times of one stage of a Spark query, sampled by the number of executors that its job has (Mao et al., "Learning
/// Scheduling Algorithms for Data Processing Clusters", SIGCOMM 2019, section 6.2). Each list ascends by executors.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct StageDurations {
    pub rough_ms: u64,
    /// First task on an executor that comes from another job.
    pub fresh: Vec<(u32, Vec<u64>)>,
    /// First task of this stage on an executor that has worked for the job already.
    pub first_wave: Vec<(u32, Vec<u64>)>,
    /// Next task of the same stage on the same executor.
    pub rest_wave: Vec<(u32, Vec<u64>)>,
}

/// What a live cluster made of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// From the beginning of the trace.
    pub first_start_ms: Option<u64>,
    pub ended_ms: Option<u64>,
    pub succeeded: bool,
    pub cost_micros: u64,
}

impl TraceJob {
    /// The longest path through the job by its run times, at speed 1: what it would take on an empty cluster, where they depend
    /// on executors roughly.
    pub fn ideal_ms(&self) -> u64 {
        let mut ends = Vec::with_capacity(self.tasks.len());
        for task in &self.tasks {
            let begin = task.needs.iter().map(|need| ends[*need as usize]);
            ends.push(begin.max().unwrap_or(0) + task.runs.longest_ms());
        }
        ends.into_iter().max().unwrap_or(0)
    }

    /// Instances of all stages.
    pub fn instances(&self) -> u64 {
        let counts = self.tasks.iter().map(|task| u64::from(task.runs.count()));
        counts.sum()
    }
}

impl Trace {
    /// Tasks of all jobs.
    pub fn instances(&self) -> u64 {
        self.jobs.iter().map(TraceJob::instances).sum()
    }

    /// Work by time and capacity, of the resource that is scarcest: cpu (or gpu) time asked for, divided by what the nodes
    /// have (with their speeds) from the first to the last submission. Above 1 the queue grows without end.
    pub fn offered_load(&self) -> f64 {
        match (self.jobs.first(), self.jobs.last()) {
            (Some(first), Some(last)) if last.submitted_ms > first.submitted_ms => {
                self.busy_ms() / (last.submitted_ms - first.submitted_ms) as f64
            }
            _ => 0.0,
        }
    }

    /// How long all of it keeps all nodes busy, by the resource that is scarcest, if nothing is ever left idle.
    pub fn busy_ms(&self) -> f64 {
        let cpus = self.busy_ms_of(|resources| resources.cpu_millis as f64);
        cpus.max(self.busy_ms_of(|resources| f64::from(resources.gpus)))
    }

    fn busy_ms_of(&self, amount: fn(&Resources) -> f64) -> f64 {
        let nodes = self.nodes.iter();
        let capacity: f64 = nodes.map(|node| amount(&node.capacity) * node.speed).sum();
        let tasks = self.jobs.iter().flat_map(|job| &job.tasks);
        let work: f64 = tasks
            .map(|task| {
                let runs = (0..task.runs.count()).map(|instance| task.runs.ms(instance) as f64);
                runs.sum::<f64>() * amount(&task.resources)
            })
            .sum();
        if capacity > 0.0 { work / capacity } else { 0.0 }
    }
}
