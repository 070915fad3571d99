//! Names of states, and what each means.

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name under which it is stored and shown.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// `None` for a name that is not one of these.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

named! {
    /// Where a task stands.
    TaskState {
        /// Waits for tasks that it needs.
        Pending = "pending",
        /// Waits for a node.
        Queued = "queued",
        /// An agent has been told to start it; it holds its resources.
        Assigned = "assigned",
        Running = "running",
        /// Asked to stop. The process may live, so the resources are still held.
        Stopping = "stopping",
        /// Waits out the backoff after an attempt that failed.
        Retrying = "retrying",
        Succeeded = "succeeded",
        /// Its last attempt failed and no other is allowed.
        Failed = "failed",
        /// Its last attempt exceeded the start-to-close limit and no other is allowed.
        TimedOut = "timed_out",
        /// The job was cancelled, or failed fast, before this task ended.
        Cancelled = "cancelled",
        /// Never runs: a task that it needs did not succeed.
        UpstreamFailed = "upstream_failed",
        /// It had succeeded; its undo step waits, runs or is retried.
        Undoing = "undoing",
        /// Its undo step has succeeded, or it has none and all that came after it is undone.
        Undone = "undone",
        /// Its undo step failed for good, or never ran because a later one did.
        UndoFailed = "undo_failed",
    }
}

impl TaskState {
    /// Nothing follows.
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Succeeded
                | Self::Failed
                | Self::TimedOut
                | Self::Cancelled
                | Self::UpstreamFailed
                | Self::Undone
                | Self::UndoFailed
        )
    }

    /// Holds resources of a node.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Assigned | Self::Running | Self::Stopping)
    }
}

named! {
    /// Where an attempt stands.
    AttemptState {
        Assigned = "assigned",
        Running = "running",
        /// Asked to stop because its job was cancelled or failed fast.
        Stopping = "stopping",
        /// Asked to stop because it exceeded its start-to-close limit.
        StoppingTimeout = "stopping_timeout",
        /// Asked to make room: its node is drained. Another attempt follows.
        StoppingRequeue = "stopping_requeue",
        Succeeded = "succeeded",
        Failed = "failed",
        TimedOut = "timed_out",
        Cancelled = "cancelled",
        /// The node went away with it. Does not count against the user's retries.
        Lost = "lost",
        /// It waited for a node longer than its schedule-to-start limit, and never had one.
        Expired = "expired",
        /// It gave its place back: its agent is leaving, or its node was drained. Does not count against the user's retries.
        Requeued = "requeued",
    }
}

impl AttemptState {
    pub const fn is_final(self) -> bool {
        !matches!(
            self,
            Self::Assigned
                | Self::Running
                | Self::Stopping
                | Self::StoppingTimeout
                | Self::StoppingRequeue
        )
    }
}

named! {
    /// Where a job stands.
    JobState {
        /// None of its tasks has been assigned.
        Queued = "queued",
        Running = "running",
        /// Every task succeeded.
        Succeeded = "succeeded",
        /// A task failed, or was lost too often.
        Failed = "failed",
        /// A task exceeded its limit, and none failed otherwise.
        TimedOut = "timed_out",
        /// Somebody cancelled it, and its last process has ended.
        Cancelled = "cancelled",
        /// What had finished is being undone.
        RollingBack = "rolling_back",
        /// Everything that had to be undone is.
        RolledBack = "rolled_back",
        /// An undo step failed for good, or was abandoned: what had finished is not all undone.
        RollbackFailed = "rollback_failed",
    }
}

impl JobState {
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running | Self::RollingBack)
    }

    /// Ended so that somebody should look at it: it goes to the dead letters.
    pub const fn is_dead(self) -> bool {
        matches!(
            self,
            Self::Failed | Self::TimedOut | Self::RolledBack | Self::RollbackFailed
        )
    }
}

named! {
    /// What a job is meant to do. Together with the attempts it determines every state.
    Intent {
        Run = "run",
        /// Somebody asked to cancel it.
        Cancel = "cancel",
        /// A task failed for good under [`crate::FailureRule::FailFast`].
        Fail = "fail",
        /// Its deadline passed, and that ends it.
        Expire = "expire",
        /// Stop, then undo what had finished.
        RollBack = "roll_back",
        /// Somebody asked to leave everything as it is, undo steps and `finally` tasks included.
        Abandon = "abandon",
    }
}

named! {
    /// Where a node stands.
    NodeState {
        /// Its agent is connected.
        Ready = "ready",
        /// Its agent is cut off; what runs there may still run. Gets nothing new.
        Disconnected = "disconnected",
        /// Silent for longer than the node timeout; its attempts were given up.
        Lost = "lost",
        /// Connected, but it was lost so often lately that it gets nothing new for a while.
        Quarantined = "quarantined",
        /// Connected, but its agent has been asked to end. Gets nothing new.
        Leaving = "leaving",
        /// Its agent said that it leaves, and has gone.
        Left = "left",
        /// Connected, but an operator lets it have nothing new.
        Cordoned = "cordoned",
        /// The same, and what runs there has to be gone at some time.
        Draining = "draining",
    }
}

named! {
    /// What happens in the registry of policies.
    PolicyEventKind {
        /// A version was stored, to be used one day.
        Import = "import",
        /// An operator wants it.
        Use = "use",
        /// A candidate took the place of the one in use.
        Promote = "promote",
        /// What was in use before is in use again.
        RollBack = "roll_back",
        /// The one in use failed, and the rule that was set for that case is in use.
        FallBack = "fall_back",
        /// A candidate was offered, and was not good enough.
        Refuse = "refuse",
    }
}

impl PolicyEventKind {
    /// Another policy is in use from then on.
    pub const fn is_switch(self) -> bool {
        !matches!(self, Self::Import | Self::Refuse)
    }
}

named! {
    /// Where a stored policy stands.
    PolicyState {
        /// Was never in use.
        Candidate = "candidate",
        /// In use. At most one is.
        Live = "live",
        /// Was in use.
        Retired = "retired",
    }
}
