//! Small loads on equal nodes.

use drover_model::{Constraints, NodeAttributes, Priority, Resources, dispatch::Mode};
use drover_sim::trace::{Runs, Trace, TraceJob, TraceNode, TraceTask, Wide};

pub(crate) const MODES: [Mode; 3] = [Mode::Strict, Mode::Easy, Mode::Greedy];

/// A job of one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) submitted_ms: u64,
    pub(crate) cpus: u64,
    /// As its user says.
    pub(crate) run_ms: u64,
    pub(crate) deadline_ms: Option<u64>,
    pub(crate) priority: u32,
}

impl Job {
    pub(crate) fn new(submitted_ms: u64, cpus: u64, run_ms: u64) -> Self {
        Self {
            submitted_ms,
            cpus,
            run_ms,
            deadline_ms: None,
            priority: 50,
        }
    }

    fn trace_job(&self) -> TraceJob {
        TraceJob {
            submitted_ms: self.submitted_ms,
            name: "job".into(),
            owner: "owner".into(),
            queue: "default".into(),
            priority: Priority::new(self.priority).expect("at most 100"),
            deadline_ms: self.deadline_ms,
            tasks: vec![TraceTask {
                needs: Box::default(),
                wide: Wide::Single,
                resources: cpus(self.cpus),
                constraints: Constraints::none(),
                stated_ms: Some(self.run_ms),
                signature: 1,
                runs: Runs::One(self.run_ms),
                retries: 0,
            }],
            recorded: None,
        }
    }
}

fn cpus(cpus: u64) -> Resources {
    Resources {
        cpu_millis: cpus * 1_000,
        ..Resources::ZERO
    }
}

/// Jobs in the order of their submission, on so many nodes of so many cpus.
pub(crate) fn trace(jobs: &[Job], nodes: u64, node_cpus: u64) -> Trace {
    let node = |number| TraceNode {
        name: format!("node-{number}").into(),
        capacity: cpus(node_cpus),
        attributes: NodeAttributes::default(),
        speed: 1.0,
        failure: None,
    };
    Trace {
        name: "small".into(),
        nodes: (0..nodes).map(node).collect(),
        jobs: jobs.iter().map(Job::trace_job).collect(),
    }
}
