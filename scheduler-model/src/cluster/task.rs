//! A task: its state and the named ways out of each.

use super::{
    node::NodeSlot,
    phase::{Held, Kind, Phase, Run, StopCause},
};
use crate::{AttemptState, TaskState, Timestamp};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    pub(crate) kind: Kind,
    /// `None`: there is nothing to run. The undo of a task that has no undo step.
    pub(crate) run: Option<Run>,
    /// How long an attempt is expected to hold its resources: its limit, which it cannot exceed by much, else what nine
    /// runs in ten do not exceed. On whatever node: it bounds, and the runs it comes from were on slow nodes as well.
    pub(crate) hold_ms: u64,
    pub(crate) estimate_ms: u64,
    /// The estimate is what its user says.
    pub(crate) is_stated: bool,
    /// Longest path from its start to the job's end, by estimates.
    pub(crate) upward_rank_ms: u64,
    /// Estimated run time times width, in milliseconds of one processor. At most [`MOST_WORK`].
    pub(crate) work: u64,
    pub(crate) phase: Phase,
    /// Number of the last attempt; 0 before the first.
    pub(crate) attempt: u32,
    /// Attempts that failed or timed out.
    pub(crate) failures: u32,
    /// Attempts that lost their node.
    pub(crate) losses: u32,
    /// Where the last loss was; another node is preferred.
    pub(crate) avoid: Option<NodeSlot>,
    /// Whether a more urgent job may stop it.
    pub(crate) preemptible: bool,
}

/// So much that the sum over the tasks of a job stays countable: more than 500 years of a processor.
pub(crate) const MOST_WORK: u64 = u64::MAX >> 20;

impl Task {
    /// # Panics
    /// When there is nothing to run.
    pub(crate) fn run(&self) -> Run {
        self.run
            .expect("only what runs has a shape, payload and rules")
    }

    /// When an attempt that is assigned at `assigned_at` is expected to give its resources back.
    pub(crate) fn expected_end(&self, assigned_at: Timestamp) -> Timestamp {
        assigned_at.plus_ms(self.hold_ms)
    }

    pub(crate) fn state(&self) -> TaskState {
        self.phase.state()
    }

    /// Its stage has come, and it is needed.
    pub(crate) fn become_pending(&mut self, unmet: u32) {
        assert_eq!(self.phase, Phase::Dormant, "only what sleeps wakes");
        self.phase = Phase::Pending { unmet };
    }

    /// Its stage ends before anything of it has begun: the job was abandoned.
    pub(crate) fn become_dormant(&mut self) {
        assert!(
            self.kind == Kind::Undo && self.attempt == 0,
            "{self:?} has begun"
        );
        self.phase = Phase::Dormant;
    }

    /// All that it needs has succeeded, or its backoff is over.
    pub(crate) fn become_queued(&mut self, key: i64, since: Timestamp) {
        assert!(
            matches!(
                self.phase,
                Phase::Pending { unmet: 0 } | Phase::Gathering | Phase::Retrying { .. }
            ),
            "{:?} cannot be queued",
            self.phase
        );
        self.phase = Phase::Queued { key, since };
    }

    /// It could be queued, but for others of its group.
    pub(crate) fn become_gathering(&mut self) {
        assert!(
            matches!(
                self.phase,
                Phase::Pending { unmet: 0 } | Phase::Retrying { .. } | Phase::Arrived(_)
            ),
            "{:?} cannot gather",
            self.phase
        );
        self.phase = Phase::Gathering;
    }

    /// Another key in the ready index: its priority has changed.
    pub(crate) fn become_rekeyed(&mut self, key: i64) {
        let Phase::Queued { since, .. } = self.phase else {
            panic!("{:?} has no key", self.phase);
        };
        self.phase = Phase::Queued { key, since };
    }

    /// It waited for a node for too long: an attempt that never had one, and the last.
    pub(crate) fn become_expired(&mut self) {
        assert!(
            matches!(self.phase, Phase::Queued { .. }),
            "{:?} does not wait for a node",
            self.phase
        );
        self.attempt += 1;
        self.phase = Phase::TimedOut;
    }

    /// A policy has placed it: a new attempt begins.
    pub(crate) fn become_assigned(&mut self, held: Held) {
        assert!(
            matches!(self.phase, Phase::Queued { .. } | Phase::Gathering),
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
                started_at: None.into(),
                cause,
            },
            Phase::Running { held, started_at } => Phase::Stopping {
                held,
                started_at: Some(started_at).into(),
                cause,
            },
            // Cancelling what is being stopped for its limit: the cause that forbids a retry wins.
            Phase::Stopping {
                held,
                started_at,
                cause: StopCause::Timeout | StopCause::Requeue,
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

    /// Its attempt has succeeded, and those of its gang may yet fail.
    pub(crate) fn become_arrived(&mut self, held: Held) {
        self.assert_active();
        self.phase = Phase::Arrived(held);
    }

    pub(crate) fn become_succeeded(&mut self) {
        if !matches!(self.phase, Phase::Arrived(_)) {
            self.assert_active();
        }
        self.phase = Phase::Succeeded;
    }

    /// Nothing has to run: it has no step of its own.
    pub(crate) fn become_done(&mut self) {
        assert!(
            matches!(self.phase, Phase::Pending { .. }),
            "{:?} does not wait for others",
            self.phase
        );
        self.phase = Phase::Succeeded;
    }

    /// It stands for others; its job was stopped, and the last of them were done all the same.
    pub(crate) fn become_done_after_all(&mut self) {
        assert!(
            self.run.is_none() && self.phase == Phase::Cancelled,
            "{:?} does not stand for others that were stopped",
            self.phase
        );
        self.phase = Phase::Succeeded;
    }

    /// Its end is carried over from the job that is replayed.
    pub(crate) fn become_carried(&mut self, state: AttemptState) {
        assert!(
            matches!(self.phase, Phase::Pending { .. }),
            "{:?} has begun",
            self.phase
        );
        self.attempt = 1;
        self.phase = match state {
            AttemptState::Succeeded => Phase::Succeeded,
            AttemptState::TimedOut | AttemptState::Expired => Phase::TimedOut,
            _ => Phase::Failed,
        };
    }

    pub(crate) fn become_failed(&mut self) {
        self.assert_active();
        self.phase = Phase::Failed;
    }

    pub(crate) fn become_timed_out(&mut self) {
        self.assert_active();
        self.phase = Phase::TimedOut;
    }

    /// It has failed as its array may.
    pub(crate) fn become_forgiven(&mut self) {
        let timed_out = match self.phase {
            Phase::Failed => false,
            Phase::TimedOut => true,
            phase => panic!("{phase:?} has nothing to forgive"),
        };
        self.phase = Phase::Forgiven { timed_out };
    }

    /// More of its array failed than may.
    pub(crate) fn become_unforgiven(&mut self) {
        self.phase = match self.phase {
            Phase::Forgiven { timed_out: true } => Phase::TimedOut,
            Phase::Forgiven { timed_out: false } => Phase::Failed,
            phase => panic!("{phase:?} was not forgiven"),
        };
    }

    /// Its attempt has stopped for good, or there was none.
    pub(crate) fn become_cancelled(&mut self) {
        assert!(
            matches!(
                self.phase,
                Phase::Dormant
                    | Phase::Pending { .. }
                    | Phase::Gathering
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
            self.phase.held().is_some(),
            "{:?} has no attempt to end",
            self.phase
        );
    }
}
