//! Why a task waits, and why an attempt was chosen and placed.

use std::{fmt, sync::Arc};

use crate::{
    NodeName, Placement, Resource, Score, TaskView, Timestamp, Unmet, Weights, cluster::line::Line,
    dispatch::Mode,
};

/// Why a task of an open job waits.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct TaskExplanation {
    pub task: TaskView,
    /// By which nodes are scored now.
    pub weights: Weights,
    /// While it waits: connected nodes, those that would take it now first, best first.
    pub nodes: Vec<NodeVerdict>,
    /// How many nodes are not among these, for brevity.
    pub nodes_left_out: u32,
}

impl TaskExplanation {
    /// More nodes than this are counted only.
    pub const NODES: usize = 100;
}

/// What one node has to say.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct NodeVerdict {
    pub node: NodeName,
    /// Judged as if it were free where it has an obstacle.
    pub score: Score,
    pub obstacle: Option<Obstacle>,
}

/// Why a task cannot start on a node now.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub enum Obstacle {
    /// Enough in principle, but not free.
    Busy {
        resource: Resource,
        wanted: u64,
        free: u64,
    },
    /// It would delay what the node is reserved for.
    Reserved,
    /// It holds a task that this one must be apart from.
    Apart,
    Quarantined {
        until: Timestamp,
    },
    /// Not enough even when it is empty.
    TooSmall {
        resource: Resource,
        wanted: u64,
        capacity: u64,
    },
    Constraint(Unmet),
    Cordoned,
    Draining,
    /// Disconnected or lost.
    Away,
}

/// A decision in full. The last [`DecisionView::KEPT`] of a leadership are kept.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct DecisionView {
    pub attempt: u32,
    pub at: Timestamp,
    pub policy: Arc<str>,
    pub mode: Mode,
    pub weights: Weights,
    pub placement: Placement,
}

impl DecisionView {
    pub const KEPT: usize = 10_000;
}

/// What the record keeps of a decision, as text: `edf easy backfill rank 0 score 909 over 893`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecisionSummary<'a> {
    pub policy: &'a str,
    pub mode: Mode,
    /// It passed over a task that waits for its reservation.
    pub backfilled: bool,
    /// Place in the order of the round, from 0.
    pub rank: u32,
    /// 0 to 1000, as the next.
    pub score: u16,
    /// `None`: no other node could have taken it.
    pub runner_up: Option<u16>,
}

impl<'a> DecisionSummary<'a> {
    /// `None` when the text was written by a build that says other things.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut words = text.split(' ').peekable();
        let policy = words.next()?;
        let mode = words.next()?.parse().ok()?;
        let backfilled = words.next_if_eq(&"backfill").is_some();
        let rank = words.next_if_eq(&"rank").and_then(|_| words.next())?;
        let score = words.next_if_eq(&"score").and_then(|_| words.next())?;
        let runner_up = match words.next_if_eq(&"over") {
            Some(_) => Some(words.next()?.parse().ok()?),
            None => None,
        };
        Some(Self {
            policy,
            mode,
            backfilled,
            rank: rank.parse().ok()?,
            score: score.parse().ok()?,
            runner_up,
        })
        .filter(|_| words.next().is_none())
    }
}

impl fmt::Display for DecisionSummary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Line::of(self).as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::PLACEMENTS_PER_ROUND;

    /// What a design limit says a record of a decision may take.
    const BYTES: usize = 64;

    #[test]
    fn a_summary_is_read_as_it_was_written_and_short() {
        let full = DecisionSummary {
            // As long as the name of a policy may be.
            policy: "weighted:-1.23456",
            mode: Mode::Greedy,
            backfilled: true,
            rank: PLACEMENTS_PER_ROUND as u32,
            score: 1_000,
            runner_up: Some(1_000),
        };
        let bare = DecisionSummary {
            backfilled: false,
            runner_up: None,
            ..full
        };
        for summary in [full, bare] {
            let text = summary.to_string();
            assert!(text.len() <= BYTES, "{text}");
            assert_eq!(DecisionSummary::parse(&text), Some(summary));
        }
    }

    #[test]
    fn a_summary_reads_like_this() {
        let summary = DecisionSummary {
            policy: "edf",
            mode: Mode::Easy,
            backfilled: true,
            rank: 12,
            score: 909,
            runner_up: Some(893),
        };
        assert_eq!(
            summary.to_string(),
            "edf easy backfill rank 12 score 909 over 893"
        );
    }

    #[test]
    fn other_text_is_no_summary() {
        for text in [
            "",
            "edf",
            "edf quick rank 0 score 1",
            "edf easy rank 0",
            "edf easy rank x score 1",
            "edf easy rank 0 score 1 over",
            "edf easy rank 0 score 1 over 2 and more",
        ] {
            assert_eq!(DecisionSummary::parse(text), None, "{text}");
        }
    }
}
