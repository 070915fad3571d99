//! Where a task stands, and what only this state knows.

use super::{node::NodeSlot, payloads::PayloadId, ready::ShapeId, rules::RulesId};
use crate::{AttemptState, Intent, MaybeTimestamp, TaskState, Timestamp};

/// When in the life of a job a task may run. A job's stages follow each other in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Main,
    /// Takes back what a task has done.
    Undo,
    Finally,
}

impl Kind {
    /// Whether a job with this intent starts anything of this kind.
    pub(crate) fn goes_on(self, intent: Intent) -> bool {
        match self {
            Self::Main => intent == Intent::Run,
            Self::Undo => intent == Intent::RollBack,
            Self::Finally => intent != Intent::Abandon,
        }
    }
}

/// What runs, and by which rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) payload: PayloadId,
    pub(crate) shape: ShapeId,
    pub(crate) rules: RulesId,
}

/// Where a task stands, with what only this state knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Its stage has not come, or it is not needed: the undo of what has not succeeded.
    Dormant,
    Pending {
        unmet: u32,
    },
    /// It could be queued, but for others of its group: its array has as many under way as it may, or its gang is not
    /// complete. Members of a gang that is complete stay so while the first of them is queued for all.
    Gathering,
    Queued {
        /// Its place in the ready index.
        key: i64,
        /// By the coordinator's clock, which the schedule-to-start limit counts from. Afresh after a load.
        since: Timestamp,
    },
    Assigned(Held),
    Running {
        held: Held,
        started_at: Timestamp,
    },
    Stopping {
        held: Held,
        started_at: MaybeTimestamp,
        cause: StopCause,
    },
    Retrying {
        until: Timestamp,
    },
    /// Its attempt has succeeded there, and counts when those of its whole gang have.
    Arrived(Held),
    Succeeded,
    Failed,
    TimedOut,
    /// An instance that failed, or timed out, as its array may: as good as done for all others.
    Forgiven {
        timed_out: bool,
    },
    Cancelled,
    UpstreamFailed,
}

/// What an active attempt holds. Packed, so that a phase takes 24 bytes instead of 32: hundreds of thousands wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(Rust, packed(4))]
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
    /// Its node is drained: it is to run elsewhere.
    Requeue,
}

impl Phase {
    pub(crate) fn state(&self) -> TaskState {
        match self {
            Self::Dormant | Self::Pending { .. } => TaskState::Pending,
            Self::Gathering | Self::Queued { .. } => TaskState::Queued,
            Self::Assigned(_) => TaskState::Assigned,
            Self::Running { .. } | Self::Arrived(_) => TaskState::Running,
            Self::Stopping { .. } => TaskState::Stopping,
            Self::Retrying { .. } => TaskState::Retrying,
            Self::Succeeded => TaskState::Succeeded,
            Self::Failed | Self::Forgiven { timed_out: false } => TaskState::Failed,
            Self::TimedOut | Self::Forgiven { timed_out: true } => TaskState::TimedOut,
            Self::Cancelled => TaskState::Cancelled,
            Self::UpstreamFailed => TaskState::UpstreamFailed,
        }
    }

    /// The state that it stands for in its job: what is forgiven is as good as done.
    pub(crate) fn counts_as(&self) -> TaskState {
        match self {
            Self::Forgiven { .. } => TaskState::Succeeded,
            phase => phase.state(),
        }
    }

    /// Failed or timed out, and is not forgiven.
    pub(crate) fn is_failure(&self) -> bool {
        matches!(self, Self::Failed | Self::TimedOut)
    }

    /// Has not been queued yet.
    pub(crate) fn is_ahead(&self) -> bool {
        matches!(self, Self::Dormant | Self::Pending { .. } | Self::Gathering)
    }

    /// Has been queued, and has not ended.
    pub(crate) fn is_under_way(&self) -> bool {
        matches!(self, Self::Queued { .. } | Self::Retrying { .. }) || self.held().is_some()
    }

    pub(crate) fn held(&self) -> Option<&Held> {
        match self {
            Self::Assigned(held) | Self::Running { held, .. } | Self::Stopping { held, .. } => {
                Some(held)
            }
            _ => None,
        }
    }

    /// Has an attempt that nobody has asked to stop.
    pub(crate) fn may_be_stopped(&self) -> bool {
        matches!(self, Self::Assigned(_) | Self::Running { .. })
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
            Self::Stopping {
                cause: StopCause::Requeue,
                ..
            } => Some(AttemptState::StoppingRequeue),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Phase;

    #[test]
    fn a_phase_is_three_words() {
        assert_eq!(size_of::<Phase>(), 24);
    }
}
