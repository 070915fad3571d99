//! A log as something to simulate: one node with all processors, and jobs of one task.

use std::{
    collections::BTreeMap,
    hash::{Hash as _, Hasher as _},
    ops::Range,
    sync::Arc,
};

use drover_model::{Constraints, Priority, Resources};
use rustc_hash::FxHasher;

use super::{SwfJob, SwfLog};
use crate::trace::{ParseTraceError, Runs, Trace, TraceJob, TraceNode, TraceTask, Wide, Windows};

/// One processor, in thousandths of a core.
const PROCESSOR_MILLIS: u64 = 1_000;

impl SwfLog {
    /// All of it.
    pub fn trace(&self, name: &str) -> Trace {
        self.window(name, 0..self.jobs.len())
    }

    /// Each window as a trace of its own, whose times count from the beginning of the log. F1 needs that: its rank depends on
    /// the logarithm of the time of submission, and its published figures come from such times.
    ///
    /// # Errors
    /// When one reaches beyond the log.
    pub fn windows(&self, name: &str, windows: &Windows) -> Result<Vec<Trace>, ParseTraceError> {
        windows.check(self.jobs.len())?;
        let traces = windows.starts.iter().map(|first| {
            let name = format!("{name} from job {first}");
            self.window(&name, *first..first + windows.length)
        });
        Ok(traces.collect())
    }

    fn window(&self, name: &str, range: Range<usize>) -> Trace {
        let mut chosen = self.jobs[range].to_vec();
        // Ids need not follow time.
        chosen.sort_by_key(|job| job.submitted_ms);
        let mut convert = Convert::new();
        Trace {
            name: name.into(),
            nodes: vec![machine(self.processors)],
            jobs: chosen.iter().map(|job| convert.job(job)).collect(),
        }
    }
}

fn machine(processors: u32) -> TraceNode {
    TraceNode::plain("machine", cpu(processors))
}

fn cpu(processors: u32) -> Resources {
    Resources {
        cpu_millis: u64::from(processors) * PROCESSOR_MILLIS,
        ..Resources::default()
    }
}

/// What jobs share is kept once.
struct Convert {
    owners: BTreeMap<i64, Arc<str>>,
    queue: Arc<str>,
    constraints: Arc<Constraints>,
}

impl Convert {
    fn new() -> Self {
        Self {
            owners: BTreeMap::new(),
            queue: "default".into(),
            constraints: Arc::default(),
        }
    }

    fn job(&mut self, job: &SwfJob) -> TraceJob {
        let owner = self.owners.entry(job.user);
        let owner = owner.or_insert_with(|| match job.user {
            0.. => format!("user-{}", job.user).into(),
            _ => "unknown".into(),
        });
        TraceJob {
            submitted_ms: job.submitted_ms,
            name: job.id.to_string().into(),
            owner: Arc::clone(owner),
            queue: Arc::clone(&self.queue),
            priority: Priority::NORMAL,
            deadline_ms: None,
            tasks: vec![TraceTask {
                needs: Box::default(),
                wide: Wide::Single,
                resources: cpu(job.processors),
                constraints: Arc::clone(&self.constraints),
                stated_ms: Some(job.requested_ms),
                signature: signature(job),
                runs: Runs::One(job.run_ms),
                retries: 0,
            }],
            recorded: None,
        }
    }
}

/// The same user with the same program on as many processors.
fn signature(job: &SwfJob) -> u64 {
    let mut hasher = FxHasher::default();
    (job.user, job.executable, job.processors).hash(&mut hasher);
    hasher.finish()
}
