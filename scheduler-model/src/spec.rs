//! What a user asked for, as far as scheduling needs it. Names of tasks, labels and what runs stay with the border:
//! the model sees places in a list and opaque payloads.

use std::sync::Arc;

use bytes::Bytes;

use crate::{Priority, Resources, Timestamp};

/// A checked job: every index in `needs` is valid and the graph has no cycle ([`crate::dag`]).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct JobSpec {
    pub namespace: Arc<str>,
    pub queue: Arc<str>,
    pub priority: Priority,
    pub deadline: Option<Deadline>,
    pub deadline_action: DeadlineAction,
    pub failure_rule: FailureRule,
    /// At least one.
    pub tasks: Vec<TaskSpec>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub enum FailureRule {
    /// Running tasks are stopped, waiting ones cancelled.
    #[default]
    FailFast,
    /// Tasks that do not depend on the failed one go on.
    Continue,
    /// Like `FailFast`; then the undo steps of what had finished run, in reverse order of the graph.
    Rollback,
}

/// What happens when a job's deadline passes before it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub enum DeadlineAction {
    /// Nothing: the deadline is what the policy optimises.
    #[default]
    None,
    /// The job is stopped, and rolled back if that is its failure rule.
    Cancel,
    /// Its priority becomes [`Priority::URGENT`], and it goes before all that is not escalated, whatever the policy.
    Escalate,
}

/// What becomes of an attempt whose agent has lost the coordinator for longer than the agent's lease.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize,
)]
pub enum OnDisconnect {
    /// It runs on. If its attempt is still current when the agent joins again it goes on, else it is killed.
    #[default]
    Keep,
    /// The agent kills it, before the coordinator would start it elsewhere.
    Stop,
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TaskSpec {
    /// Ascending places of other tasks in the job's list. A `finally` task needs only others of its kind.
    pub needs: Box<[u32]>,
    /// Runs when all other tasks have ended and what had to be undone is, whatever happened.
    pub finally: bool,
    pub step: StepSpec,
    /// Takes back what the task did. Runs only in a rollback, and only if the task had succeeded.
    pub undo: Option<StepSpec>,
}

/// Something that runs: a task, or its undo step.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct StepSpec {
    /// Encoded for the agent; equal payloads are kept once.
    pub payload: Bytes,
    pub resources: Resources,
    pub rules: Rules,
    /// Expected run time of one attempt.
    pub estimate_ms: u64,
}

/// What happens when an attempt goes wrong. Equal rules are kept once.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Rules {
    pub retry: RetryRule,
    /// Schedule-to-start limit: how long it may wait for a node, each time it waits.
    pub start_timeout_ms: Option<u64>,
    /// Start-to-close limit of one attempt.
    pub timeout_ms: Option<u64>,
    /// From SIGTERM to SIGKILL.
    pub grace_ms: u32,
    pub on_disconnect: OnDisconnect,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            retry: RetryRule::default(),
            start_timeout_ms: None,
            timeout_ms: None,
            grace_ms: 5_000,
            on_disconnect: OnDisconnect::Keep,
        }
    }
}

/// Exponential backoff with full jitter (M. Brooker, "Exponential Backoff And Jitter", 2015): the wait before attempt
/// n + 1 is uniform in `[0, min(max_backoff, backoff * factor^(n - 1))]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct RetryRule {
    /// Attempts after the first that failed or timed out.
    pub retries: u32,
    /// A task that has lost its node so often fails.
    pub max_lost: u32,
    /// Exit codes after which another attempt may follow. Empty: any.
    pub exit_codes: Box<[i32]>,
    /// Exit codes after which none follows.
    pub fatal_exit_codes: Box<[i32]>,
    /// Whether an attempt that lost its node is followed by another. Such attempts do not count as retries.
    pub rerun_lost: bool,
    pub backoff_ms: u64,
    /// 2000 doubles.
    pub factor_permille: u32,
    pub max_backoff_ms: u64,
}

impl RetryRule {
    /// Whether another attempt may follow one that ended with this exit code; without a code it may.
    pub fn allows(&self, exit_code: Option<i32>) -> bool {
        exit_code.is_none_or(|code| {
            (self.exit_codes.is_empty() || self.exit_codes.contains(&code))
                && !self.fatal_exit_codes.contains(&code)
        })
    }
}

impl Default for RetryRule {
    fn default() -> Self {
        Self {
            retries: 0,
            max_lost: 3,
            exit_codes: Box::default(),
            fatal_exit_codes: Box::default(),
            rerun_lost: true,
            backoff_ms: 1_000,
            factor_permille: 2_000,
            max_backoff_ms: 300_000,
        }
    }
}
