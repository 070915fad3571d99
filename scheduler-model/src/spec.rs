//! What a user asked for, as far as scheduling needs it. Names of tasks, labels and what runs stay with the border:
//! the model sees places in a list and opaque payloads.

use std::{
    hash::{Hash, Hasher},
    ops::Deref,
    sync::Arc,
};

use bytes::Bytes;

use crate::{Constraints, Priority, Resources, Timestamp};

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
    /// The arrays and gangs among them, ascending.
    pub groups: Vec<Group>,
    /// Whether it may stop attempts of less urgent jobs that agreed to that, should it be urgent.
    pub may_preempt: bool,
}

impl JobSpec {
    /// The group that a task is an instance of.
    pub fn group_of(&self, task: u32) -> Option<&Group> {
        let behind = self.groups.partition_point(|group| group.first <= task);
        let group = &self.groups[behind.checked_sub(1)?];
        group.contains(task).then_some(group)
    }
}

/// Instances of one thing: tasks next to each other, and behind them one without a step that needs them all, and stands
/// for them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Group {
    /// Place of the first instance.
    pub first: u32,
    /// At least one. The task that stands for all has the place `first + count`.
    pub count: u32,
    pub kind: GroupKind,
}

impl Group {
    /// Place of the task that stands for all.
    pub fn whole(&self) -> u32 {
        self.first + self.count
    }

    pub fn contains(&self, task: u32) -> bool {
        (self.first..self.whole()).contains(&task)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum GroupKind {
    /// Each instance has attempts of its own.
    Array {
        /// So many are under way at the same time. `u32::MAX`: no limit.
        parallel: u32,
        /// So many may fail, and the whole succeeds all the same.
        max_failed: u32,
    },
    /// All start together or none, and they share the number of their attempt.
    Gang { topology: Topology },
}

/// Which nodes the members of a gang get.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize,
)]
pub enum Topology {
    #[default]
    Any,
    /// All in one region.
    SameRegion,
    /// In the order of their ranks, they lie in the order of nodes by region and name.
    Ring,
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
    /// `None`: it stands for a [`Group`], and is done when that is.
    pub step: Option<StepSpec>,
    /// Takes back what the task did. Runs only in a rollback, and only if the task had succeeded.
    pub undo: Option<StepSpec>,
}

/// Something that runs: a task, or its undo step.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct StepSpec {
    /// Encoded for the agent; equal payloads are kept once.
    pub payload: Bytes,
    pub resources: Resources,
    pub constraints: Arc<Constraints>,
    /// Tasks of the job with the same number are never on one node at the same time.
    pub apart: Option<u32>,
    pub rules: Rules,
    pub expected: Expected,
    /// Whether a more urgent job may stop it.
    pub preemptible: bool,
}

/// How long one attempt is expected to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Expected {
    /// As its user says. Wins over what was learned.
    pub stated_ms: Option<u64>,
    /// While nothing is known.
    pub default_ms: u64,
    /// Of what runs: equal work has equal signatures.
    pub signature: u64,
    /// The same for everything in its queue.
    pub wide_signature: u64,
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
    pub exit_codes: ExitCodes,
    /// Exit codes after which none follows.
    pub fatal_exit_codes: ExitCodes,
    /// Whether an attempt that lost its node is followed by another. Such attempts do not count as retries.
    pub rerun_lost: bool,
    pub backoff_ms: u64,
    /// 2000 doubles.
    pub factor_permille: u32,
    pub max_backoff_ms: u64,
}

/// Mostly none, which are compared with none for every task: one by one, as `memcmp` of nothing at a dangling pointer can
/// take the processor 100 ns.
#[derive(Clone, Debug, Default, Eq, serde::Serialize, serde::Deserialize)]
pub struct ExitCodes(Box<[i32]>);

impl PartialEq for ExitCodes {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Hash for ExitCodes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl From<Vec<i32>> for ExitCodes {
    fn from(codes: Vec<i32>) -> Self {
        Self(codes.into())
    }
}

impl Deref for ExitCodes {
    type Target = [i32];

    fn deref(&self) -> &[i32] {
        &self.0
    }
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
            exit_codes: ExitCodes::default(),
            fatal_exit_codes: ExitCodes::default(),
            rerun_lost: true,
            backoff_ms: 1_000,
            factor_permille: 2_000,
            max_backoff_ms: 300_000,
        }
    }
}
