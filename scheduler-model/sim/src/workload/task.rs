//! Tasks of generated jobs.

use std::sync::Arc;

use drover_model::{Constraints, Resources, Topology};

use super::nodes::GIB;
use crate::trace::{Runs, TraceTask, Wide};

/// Of every generated task: how often it may fail, besides lost nodes, which do not count.
const RETRIES: u32 = 3;

/// Cores with memory. Memory is seldom what is missing: nodes have 4 GiB a core.
pub(super) fn cpus(cpus: u64) -> Resources {
    Resources {
        cpu_millis: cpus * 1_000,
        memory_bytes: cpus * 2 * GIB,
        ..Resources::ZERO
    }
}

/// A task that needs no other and runs anywhere, once.
pub(super) fn single(
    signature: u64,
    resources: Resources,
    run_ms: u64,
    stated_ms: Option<u64>,
) -> TraceTask {
    TraceTask {
        needs: Box::default(),
        wide: Wide::Single,
        resources,
        constraints: Constraints::none(),
        stated_ms,
        signature,
        runs: Runs::One(run_ms),
        retries: RETRIES,
    }
}

impl TraceTask {
    pub(super) fn with_needs(mut self, needs: &[u32]) -> Self {
        self.needs = needs.into();
        self
    }

    pub(super) fn with_constraints(mut self, constraints: &Arc<Constraints>) -> Self {
        self.constraints = Arc::clone(constraints);
        self
    }

    /// So many members that start together and take equally long.
    pub(super) fn with_members(mut self, count: u32, topology: Topology) -> Self {
        let run_ms = self.runs.ms(0);
        self.wide = Wide::Gang(topology);
        self.runs = Runs::Many(vec![run_ms; count as usize].into());
        self
    }

    /// Instances that start by themselves.
    pub(super) fn with_instances(mut self, runs_ms: Vec<u64>) -> Self {
        self.wide = Wide::Array;
        self.runs = Runs::Many(runs_ms.into());
        self
    }
}
