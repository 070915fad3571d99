//! The hosts of a simulation: who is there, and what their executors did last.

use drover_model::{Event, Join, ReportBatch, SessionId};

use crate::{
    random::{Purpose, Random},
    trace::TraceNode,
};

#[derive(Debug)]
pub(super) struct SimulatedNode {
    pub(super) session: SessionId,
    pub(super) is_up: bool,
    failures: Random,
    /// Job and stage of its last attempt, for stages whose run times depend on it.
    pub(super) last: Option<(u32, u32)>,
    pub(super) joins: u64,
}

impl SimulatedNode {
    pub(super) fn new(seed: u64, place: usize) -> Self {
        Self {
            session: SessionId(0),
            is_up: false,
            failures: Random::of(seed, Purpose::Failures, [place as u64, 0, 0]),
            last: None,
            joins: 0,
        }
    }

    /// It connects, for the first time or after a failure.
    pub(super) fn join(&mut self, place: usize, nodes: usize, node: &TraceNode) -> Event {
        self.joins += 1;
        self.is_up = true;
        self.last = None;
        // Of each node every so many, so that a session tells its node.
        self.session = SessionId(self.joins * nodes as u64 + place as u64);
        Event::Join {
            session: self.session,
            join: Box::new(Join {
                node: node.name.clone(),
                incarnation: self.joins,
                agent_version: "simulated".into(),
                capacity: node.capacity.clone(),
                attributes: node.attributes.clone(),
                running: Vec::new(),
                reports: ReportBatch::default(),
            }),
        }
    }

    /// How long it stays up, or away.
    pub(super) fn draw_ms(&mut self, mean_ms: f64) -> u64 {
        (-mean_ms * (1.0 - self.failures.unit()).ln()).max(1.0) as u64
    }
}

/// Place of the node with that session.
pub(super) fn place_of(session: SessionId, nodes: usize) -> usize {
    (session.0 % nodes as u64) as usize
}
