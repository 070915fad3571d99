//! A task: its state and the named ways out of each.

use std::num::NonZeroU64;

use super::{node::NodeSlot, payloads::PayloadId, ready::ShapeId};
use crate::{AttemptState, RetryRule, TaskState, Timestamp};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    pub(crate) needs: Box<[u32]>,
    pub(crate) payload: PayloadId,
    pub(crate) shape: ShapeId,
    /// `None` means the default; see [`Task::retry`].
    pub(crate) own_retry: Option<Box<RetryRule>>,
    pub(crate) timeout_ms: Option<NonZeroU64>,
    pub(crate) estimate_ms: u64,
    /// Longest path from its start to the job's end, by estimates.
    pub(crate) upward_rank_ms: u64,
    pub(crate) phase: Phase,
    /// Number of the last attempt; 0 before the first.
    pub(crate) attempt: u32,
    /// Attempts that failed or timed out.
    pub(crate) failures: u32,
    /// Attempts that lost their node.
    pub(crate) losses: u32,
    /// Where the last loss was; another node is preferred.
    pub(crate) avoid: Option<NodeSlot>,
}

/// Where a task stands, with what only this state knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Pending {
        unmet: u32,
    },
    /// `key` is its place in the ready index.
    Queued {
        key: i64,
    },
    Assigned(Held),
    Running {
        held: Held,
        started_at: Timestamp,
    },
    Stopping {
        held: Held,
        started_at: Option<Timestamp>,
        cause: StopCause,
    },
    Retrying {
        until: Timestamp,
    },
    Succeeded,
    Failed,
    TimedOut,
    Cancelled,
    UpstreamFailed,
}

/// What an active attempt holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) node: NodeSlot,
    pub(crate) assigned_at: Timestamp,
}

/// Why an attempt was asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopCause {
    /// The job was cancelled or failed fast.
    Cancel,
    /// Its start-to-close limit passed.
    Timeout,
}

impl Phase {
    pub(crate) fn state(&self) -> TaskState {
        match self {
            Self::Pending { .. } => TaskState::Pending,
            Self::Queued { .. } => TaskState::Queued,
            Self::Assigned(_) => TaskState::Assigned,
            Self::Running { .. } => TaskState::Running,
            Self::Stopping { .. } => TaskState::Stopping,
            Self::Retrying { .. } => TaskState::Retrying,
            Self::Succeeded => TaskState::Succeeded,
            Self::Failed => TaskState::Failed,
            Self::TimedOut => TaskState::TimedOut,
            Self::Cancelled => TaskState::Cancelled,
            Self::UpstreamFailed => TaskState::UpstreamFailed,
        }
    }

    pub(crate) fn held(&self) -> Option<&Held> {
        match self {
            Self::Assigned(held) | Self::Running { held, .. } | Self::Stopping { held, .. } => {
                Some(held)
            }
            _ => None,
        }
    }

    /// State of the attempt that is active in this phase.
    pub(crate) fn attempt_state(&self) -> Option<AttemptState> {
        match self {
            Self::Assigned(_) => Some(AttemptState::Assigned),
            Self::Running { .. } => Some(AttemptState::Running),
            Self::Stopping {
                cause: StopCause::Cancel,
                ..
            } => Some(AttemptState::Stopping),
            Self::Stopping {
                cause: StopCause::Timeout,
                ..
            } => Some(AttemptState::StoppingTimeout),
            _ => None,
        }
    }
}

impl Task {
    pub(crate) fn retry(&self) -> RetryRule {
        self.own_retry.as_deref().copied().unwrap_or_default()
    }

    /// When an attempt that is assigned at `assigned_at` is expected to give its resources back: by its limit, which
    /// it cannot exceed by much, else by the estimate.
    pub(crate) fn expected_end(&self, assigned_at: Timestamp) -> Timestamp {
        assigned_at.plus_ms(self.timeout_ms.map_or(self.estimate_ms, NonZeroU64::get))
    }

    pub(crate) fn state(&self) -> TaskState {
        self.phase.state()
    }

    /// All that it needs has succeeded, or its backoff is over.
    pub(crate) fn become_queued(&mut self, key: i64) {
        assert!(
            matches!(
                self.phase,
                Phase::Pending { unmet: 0 } | Phase::Retrying { .. }
            ),
            "{:?} cannot be queued",
            self.phase
        );
        self.phase = Phase::Queued { key };
    }

    /// A policy has placed it: a new attempt begins.
    pub(crate) fn become_assigned(&mut self, held: Held) {
        assert!(
            matches!(self.phase, Phase::Queued { .. }),
            "{:?} cannot be assigned",
            self.phase
        );
        self.attempt += 1;
        self.phase = Phase::Assigned(held);
    }

    /// The agent has started it.
    pub(crate) fn become_running(&mut self, started_at: Timestamp) {
        let Phase::Assigned(held) = self.phase else {
            panic!("{:?} cannot be running", self.phase);
        };
        self.phase = Phase::Running { held, started_at };
    }

    /// Its agent is asked to stop it.
    pub(crate) fn become_stopping(&mut self, cause: StopCause) {
        self.phase = match self.phase {
            Phase::Assigned(held) => Phase::Stopping {
                held,
                started_at: None,
                cause,
            },
            Phase::Running { held, started_at } => Phase::Stopping {
                held,
                started_at: Some(started_at),
                cause,
            },
            // Cancelling what is being stopped for its limit: the cause that forbids a retry wins.
            Phase::Stopping {
                held,
                started_at,
                cause: StopCause::Timeout,
            } if cause == StopCause::Cancel => Phase::Stopping {
                held,
                started_at,
                cause,
            },
            phase => panic!("{phase:?} cannot be stopping"),
        };
    }

    /// Its attempt ended without success and another is allowed.
    pub(crate) fn become_retrying(&mut self, until: Timestamp) {
        self.assert_active();
        self.phase = Phase::Retrying { until };
    }

    pub(crate) fn become_succeeded(&mut self) {
        self.assert_active();
        self.phase = Phase::Succeeded;
    }

    pub(crate) fn become_failed(&mut self) {
        self.assert_active();
        self.phase = Phase::Failed;
    }

    pub(crate) fn become_timed_out(&mut self) {
        self.assert_active();
        self.phase = Phase::TimedOut;
    }

    /// Its attempt has stopped for good, or there was none.
    pub(crate) fn become_cancelled(&mut self) {
        assert!(
            matches!(
                self.phase,
                Phase::Pending { .. }
                    | Phase::Queued { .. }
                    | Phase::Retrying { .. }
                    | Phase::Stopping {
                        cause: StopCause::Cancel,
                        ..
                    }
            ),
            "{:?} cannot be cancelled",
            self.phase
        );
        self.phase = Phase::Cancelled;
    }

    /// Something it needs ended without success.
    pub(crate) fn become_upstream_failed(&mut self) {
        assert!(
            matches!(self.phase, Phase::Pending { .. }),
            "{:?} cannot fail upstream",
            self.phase
        );
        self.phase = Phase::UpstreamFailed;
    }

    fn assert_active(&self) {
        assert!(
            self.state().is_active(),
            "{:?} has no attempt to end",
            self.phase
        );
    }
}
