//! What a simulation gives: one record for each job and attempt, in plain numbers.

use std::sync::Arc;

/// What became of a trace under a policy. Times are milliseconds from the beginning of the trace.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Outcome {
    /// In the order of the trace.
    pub jobs: Vec<JobOutcome>,
    /// In the order in which they ended. Empty unless asked for.
    pub attempts: Vec<AttemptOutcome>,
    /// How many waited and ran, over time. Empty unless asked for.
    pub queue: Vec<QueueSample>,
    /// Last submission or end.
    pub ended_ms: u64,
    /// Sum over attempts of cpu taken (or gpus, where the trace has no cpu) times its time, in units of what the nodes have
    /// of it: the share of the cluster that was in use, times milliseconds.
    pub busy_ms: f64,
    /// Last start of an attempt: published tables take utilisation from the first submission to it.
    pub last_start_ms: u64,
    /// Tasks that succeeded, for throughput.
    pub completions: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct JobOutcome {
    /// Place in the trace.
    pub job: u32,
    pub owner: Arc<str>,
    pub priority: u8,
    pub submitted_ms: u64,
    /// First start of any of its tasks. `None`: none started.
    pub first_start_ms: Option<u64>,
    /// `None`: it had not ended when the simulation did.
    pub ended_ms: Option<u64>,
    pub succeeded: bool,
    /// Moment by which it had to end.
    pub due_ms: Option<u64>,
    /// Longest path by the run times of the trace ([`crate::trace::TraceJob::ideal_ms`]): without noise, and by rough
    /// durations where they depend on executors.
    pub ideal_ms: u64,
    /// Cpu milliseconds (or gpu, see above) that its attempts held, whatever became of them: millicores times ms.
    pub held_work: f64,
    pub cost_micros: f64,
    /// In joules.
    pub energy_joules: f64,
    /// Attempts of all its tasks.
    pub attempts: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AttemptOutcome {
    pub job: u32,
    /// Place of the stage in the trace's job, and the instance of it.
    pub task: u32,
    pub instance: u32,
    /// From 1.
    pub attempt: u32,
    pub node: Arc<str>,
    /// Since when it had waited for a node.
    pub queued_ms: u64,
    pub started_ms: u64,
    pub ended_ms: u64,
    pub succeeded: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueSample {
    pub at_ms: u64,
    pub waiting: u32,
    pub running: u32,
}

impl JobOutcome {
    /// From submission to end.
    pub fn flow_ms(&self) -> Option<u64> {
        Some(self.ended_ms?.saturating_sub(self.submitted_ms))
    }

    /// From submission to the first start of a task.
    pub fn wait_ms(&self) -> Option<u64> {
        Some(self.first_start_ms?.saturating_sub(self.submitted_ms))
    }
}
