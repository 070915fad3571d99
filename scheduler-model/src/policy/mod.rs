//! Orders in which ready tasks start.
//!
//! A policy sees plain numbers and proposes; the cluster validates. Where a task runs is decided by [`crate::Score`] for all
//! of them. Keys that stay fixed while a task is queued are kept in the ready index, and a round reads them without a scan.
//! Keys that change are made anew for all that wait, one for all waiting instances of an array, in every round in which
//! something could start. A learned policy scores a window of candidates instead, which is drawn by its fixed keys.

mod edf;
mod f1;
mod facts;
mod fifo;
mod find;
mod job_first;
mod key;
mod learned;
mod llf;
mod node_score;
mod priority;
mod saf;
mod shipped;
mod sjf;
mod slack_area;
mod source;
#[cfg(test)]
mod tests;
mod waiting;

use std::fmt;

pub use facts::{Facts, JobFacts};
pub use find::{FindPolicyError, all, find};
pub use learned::Learned;
pub use shipped::shipped_weights;
pub use source::{BuildPolicyError, MAX_VERSION_BYTES, PolicySource};

/// Ranks ready tasks. Deterministic: equal facts have equal keys.
pub trait Policy: Send + Sync + fmt::Debug {
    /// The name users know it by.
    fn name(&self) -> &str;

    /// What it ranks by, in one line.
    fn description(&self) -> &str;

    fn order(&self) -> Order {
        Order::Fixed
    }

    /// Smallest starts first. Ties go to the older job, then to the earlier task.
    fn key(&self, facts: &Facts) -> i64;

    /// What scores windows, where the order is that of [`Order::Window`].
    fn learned(&self) -> Option<&Learned> {
        None
    }
}

/// What a policy's keys depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Nothing that changes while a task is queued.
    Fixed,
    /// Time, or what becomes of others. Within a round keys may only grow, by what starts in it.
    Changing,
    /// These, and the score of the best node now ([`Facts::node_score`]).
    Scored,
    /// All of a window of candidates together. Keys are fixed, and serve to draw it.
    Window,
}
