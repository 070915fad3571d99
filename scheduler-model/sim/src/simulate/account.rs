//! Keeps the outcome while a simulation goes on.

use std::sync::Arc;

use drover_model::{Rate, Resources};

use super::{AttemptOutcome, JobOutcome, Keep, Outcome, QueueSample};
use crate::trace::{Trace, TraceJob, TraceNode};

/// An attempt under way.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) job: u32,
    /// As the model counts.
    pub(super) task: u32,
    pub(super) attempt: u32,
    pub(super) node: u32,
    pub(super) stage: (u32, u32),
    /// Since when it had waited for a node.
    pub(super) queued_ms: u64,
    /// When it begins, unless it is over before.
    pub(super) started_ms: u64,
}

#[derive(Debug)]
pub(super) struct Account<'t> {
    trace: &'t Trace,
    keep: Keep,
    amount: fn(&Resources) -> f64,
    capacity: f64,
    /// Nodes cost something.
    has_rates: bool,
    outcome: Outcome,
}

impl<'t> Account<'t> {
    pub(super) fn new(trace: &'t Trace, keep: Keep) -> Self {
        let total = |amount: fn(&Resources) -> f64| -> f64 {
            trace.nodes.iter().map(|node| amount(&node.capacity)).sum()
        };
        let cpu: fn(&Resources) -> f64 = |resources| resources.cpu_millis as f64;
        let gpus: fn(&Resources) -> f64 = |resources| f64::from(resources.gpus);
        let amount = if total(cpu) > 0.0 { cpu } else { gpus };
        let mut outcome = Outcome::default();
        outcome.jobs.reserve(trace.jobs.len());
        Self {
            trace,
            keep,
            amount,
            capacity: total(amount).max(1.0),
            has_rates: trace.nodes.iter().any(costs),
            outcome,
        }
    }

    pub(super) fn submitted(&mut self, now: u64, place: u32, job: &TraceJob) {
        self.outcome.jobs.push(JobOutcome {
            job: place,
            owner: Arc::clone(&job.owner),
            priority: job.priority.get(),
            submitted_ms: now,
            first_start_ms: None,
            ended_ms: None,
            succeeded: false,
            due_ms: job.deadline_ms.map(|deadline| now.saturating_add(deadline)),
            ideal_ms: job.ideal_ms(),
            held_work: 0.0,
            cost_micros: 0.0,
            energy_joules: 0.0,
            attempts: 0,
        });
        self.outcome.ended_ms = now;
    }

    pub(super) fn assigned(&mut self, running: &Running) {
        self.outcome.jobs[running.job as usize].attempts += 1;
    }

    pub(super) fn ended(&mut self, now: u64, running: &Running, succeeded: bool) {
        if running.started_ms <= now {
            self.began(running);
        }
        let held_ms = now.saturating_sub(running.started_ms) as f64;
        let stage = running.stage.0 as usize;
        let resources = &self.trace.jobs[running.job as usize].tasks[stage].resources;
        let amount = (self.amount)(resources);
        let job = &mut self.outcome.jobs[running.job as usize];
        job.held_work += amount * held_ms;
        if self.has_rates {
            let node = &self.trace.nodes[running.node as usize];
            let rate = Rate::of(&node.attributes, &node.capacity, resources);
            let hours = held_ms / 3_600_000.0;
            job.cost_micros += rate.cost_per_hour_micros as f64 * hours;
            job.energy_joules += rate.power_milliwatts as f64 * held_ms / 1e6;
        }
        self.outcome.busy_ms += amount * held_ms / self.capacity;
        self.outcome.completions += u64::from(succeeded);
        self.outcome.ended_ms = now;
        if self.keep.attempts {
            let (task, instance) = running.stage;
            self.outcome.attempts.push(AttemptOutcome {
                job: running.job,
                task,
                instance,
                attempt: running.attempt,
                node: Arc::clone(&self.trace.nodes[running.node as usize].name),
                queued_ms: running.queued_ms,
                // What was over before it began, lasted no time.
                started_ms: running.started_ms.min(now),
                ended_ms: now,
                succeeded,
            });
        }
    }

    fn began(&mut self, running: &Running) {
        let started_ms = running.started_ms;
        let first = &mut self.outcome.jobs[running.job as usize].first_start_ms;
        *first = Some(first.map_or(started_ms, |first| first.min(started_ms)));
        self.outcome.last_start_ms = self.outcome.last_start_ms.max(started_ms);
    }

    pub(super) fn job_ended(&mut self, now: u64, place: u32, succeeded: bool) {
        let job = &mut self.outcome.jobs[place as usize];
        job.ended_ms = Some(now);
        job.succeeded = succeeded;
    }

    pub(super) fn sample(&mut self, now: u64, waiting: usize, running: usize) {
        if !self.keep.queue {
            return;
        }
        let sample = QueueSample {
            at_ms: now,
            waiting: waiting as u32,
            running: running as u32,
        };
        match self.outcome.queue.last_mut() {
            Some(last) if last.at_ms == now => *last = sample,
            _ => self.outcome.queue.push(sample),
        }
    }

    pub(super) fn keeps_attempts(&self) -> bool {
        self.keep.attempts
    }

    pub(super) fn outcome(self) -> Outcome {
        self.outcome
    }
}

fn costs(node: &TraceNode) -> bool {
    node.attributes.cost_per_hour_micros > 0 || node.attributes.power_watts > 0
}
