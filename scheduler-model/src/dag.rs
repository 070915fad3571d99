//! Directed acyclic graphs of tasks.

use petgraph::{algo::kosaraju_scc, graph::DiGraph};

/// Tasks that wait for each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tasks {path:?} wait for each other")]
pub struct Cycle {
    /// Places of the tasks along the cycle: each needs the next, the last needs the first.
    pub path: Vec<u32>,
}
