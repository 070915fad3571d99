//! What a user asked for, as far as scheduling needs it. Names of tasks, labels and what runs stay with the border:
//! the model sees places in a list and opaque payloads.

use std::sync::Arc;

use bytes::Bytes;

use crate::{Priority, Resources, Timestamp};

/// A checked job: every index in `needs` is valid and the graph has no cycle ([`crate::dag`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobSpec {
    pub namespace: Arc<str>,
    pub queue: Arc<str>,
    pub priority: Priority,
    pub deadline: Option<Deadline>,
    pub failure_rule: FailureRule,
    /// At least one.
    pub tasks: Vec<TaskSpec>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// Milliseconds from submission.
    After(u64),
    At(Timestamp),
}

impl Deadline {
    pub fn at(self, submitted_at: Timestamp) -> Timestamp {
        match self {
            Self::After(ms) => submitted_at.plus_ms(ms),
            Self::At(at) => at,
        }
    }
}

/// What happens to the rest of a job when a task has failed for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum FailureRule {
    /// Running tasks are stopped, waiting ones cancelled.
    #[default]
    FailFast,
    /// Tasks that do not depend on the failed one go on.
    Continue,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskSpec {
    /// Ascending places of other tasks in the job's list.
    pub needs: Box<[u32]>,
    /// Encoded for the agent; equal payloads are kept once.
    pub payload: Bytes,
    pub resources: Resources,
    pub retry: RetryRule,
    /// Start-to-close limit of one attempt.
    pub timeout_ms: Option<u64>,
    /// Expected run time of one attempt.
    pub estimate_ms: u64,
}

/// Exponential backoff with full jitter (M. Brooker, "Exponential Backoff And Jitter", 2015): the wait before attempt
/// n + 1 is uniform in `[0, min(max_backoff, backoff * factor^(n - 1))]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryRule {
    /// Attempts after the first that failed or timed out.
    pub retries: u32,
    /// Whether an attempt that lost its node is followed by another. Such attempts do not count as retries.
    pub rerun_lost: bool,
    pub backoff_ms: u64,
    /// 2000 doubles.
    pub factor_permille: u32,
    pub max_backoff_ms: u64,
}

impl Default for RetryRule {
    fn default() -> Self {
        Self {
            retries: 0,
            rerun_lost: true,
            backoff_ms: 1_000,
            factor_permille: 2_000,
            max_backoff_ms: 300_000,
        }
    }
}
