//! A log as something to simulate: one node with all GPUs, and jobs of one task.

use std::{ops::RangeInclusive, sync::Arc};

use drover_model::{Constraints, Priority, Resources};

use super::{Class, MINUTE_MS, PhillyJob, PhillyLog};
use crate::trace::{ParseTraceError, Runs, Trace, TraceJob, TraceNode, TraceTask, Wide};

const DAY_MS: u64 = 1_440 * MINUTE_MS;

impl PhillyLog {
    /// The jobs submitted on some days, for a pool of so many GPUs. Days count from 1, and day 1 is the first 1,440 minutes;
    /// times stay as they are in the log.
    ///
    /// # Errors
    /// When no job was submitted on those days, or one needs more GPUs than the pool has.
    pub fn trace(
        &self,
        name: &str,
        gpus: u32,
        days: Option<&RangeInclusive<u64>>,
    ) -> Result<Trace, ParseTraceError> {
        let chosen = |job: &&PhillyJob| {
            let day = job.submitted_ms / DAY_MS + 1;
            days.is_none_or(|days| days.contains(&day))
        };
        let jobs: Vec<&PhillyJob> = self.jobs.iter().filter(chosen).collect();
        if jobs.is_empty() {
            return Err(ParseTraceError::Setting(
                "no job was submitted on the chosen days; days count from 1",
            ));
        }
        if jobs.iter().any(|job| job.gpus > gpus) {
            return Err(ParseTraceError::Setting(
                "a job needs more GPUs than the pool has; choose a larger pool",
            ));
        }
        let queues = Class::ALL.map(|class| Arc::<str>::from(class.queue()));
        let constraints = Arc::default();
        let jobs = jobs.into_iter();
        Ok(Trace {
            name: name.into(),
            nodes: vec![pool(gpus)],
            jobs: jobs
                .map(|job| job.trace(&queues[job.class as usize], &constraints))
                .collect(),
        })
    }
}

impl PhillyJob {
    fn trace(&self, queue: &Arc<str>, constraints: &Arc<Constraints>) -> TraceJob {
        TraceJob {
            submitted_ms: self.submitted_ms,
            name: Arc::clone(&self.name),
            owner: Arc::clone(&self.user),
            queue: Arc::clone(queue),
            priority: self.class.priority(),
            deadline_ms: self.deadline_ms,
            tasks: vec![TraceTask {
                needs: Box::default(),
                wide: Wide::Single,
                resources: amount(self.gpus),
                constraints: Arc::clone(constraints),
                stated_ms: Some(self.run_ms),
                signature: self.signature,
                runs: Runs::One(self.run_ms),
                retries: 0,
            }],
            recorded: None,
        }
    }
}

impl Class {
    const fn priority(self) -> Priority {
        match self {
            Self::Strict => Priority::NORMAL,
            Self::Soft | Self::Best => Priority::LOW,
        }
    }
}

fn pool(gpus: u32) -> TraceNode {
    TraceNode::plain("pool", amount(gpus))
}

fn amount(gpus: u32) -> Resources {
    Resources {
        gpus,
        ..Resources::default()
    }
}
