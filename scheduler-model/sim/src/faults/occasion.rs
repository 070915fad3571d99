//! What comes of unlike nodes, of wishes for some of them and of operators: counted, to see that it all happens.

use drover_model::{Answer, NodeChange, Obstacle, PendingReason, Refusal};

use crate::faults::kinds::kinds;

kinds! {
    /// Something that is no fault, and has to happen all the same.
    Occasion {
        Cordoned = "node cordoned",
        Uncordoned = "node uncordoned",
        Drained = "node drained without a deadline",
        DrainedByTime = "node drained with a deadline",
        DrainDue = "deadline of a drain passed with attempts on the node",
        DrainDueElsewhere = "deadline of a drain passed under a later leader",
        FoundEmpty = "drained node found empty",
        Overridden = "attributes of a node overridden",
        Replaced = "overrides of a node replaced",
        UnknownNode = "change of an unknown node refused",
        Required = "started under a required expression",
        Near = "started under a limit of latency",
        Avoiding = "started with nodes to avoid",
        GpuModel = "started on a model of gpus",
        Apart = "started beside a task that it must be apart from",
        Named = "started with named resources",
        PolicySwitched = "another policy used",
        GangStarted = "gang started",
        GangStartedAgain = "gang started again",
        GangOnManyNodes = "gang started on more than one node",
        GangInRing = "gang started in a ring",
        GangInOneRegion = "gang started in one region",
        Preempted = "attempt preempted",
        ExplainedFree = "explained: nothing speaks against a node",
        ExplainedBusy = "explained: a node is busy",
        ExplainedReserved = "explained: a node is reserved",
        ExplainedApart = "explained: a node holds what must be apart",
        ExplainedQuarantined = "explained: a node is quarantined",
        ExplainedTooSmall = "explained: a node is too small",
        ExplainedConstraint = "explained: a node does not meet a constraint",
        ExplainedCordoned = "explained: a node is cordoned",
        ExplainedDraining = "explained: a node is draining",
        ExplainedAway = "explained: a node is away",
        ExplainedDecision = "explained: why an attempt was placed",
        ExplainedNothing = "explained: the job is not open, or has no such task",
        WaitsForTask = "waits: for a task",
        WaitsInBackoff = "waits: backoff",
        WaitsForTheRest = "waits: for everything else",
        WaitsInArray = "waits: for a place in its array",
        WaitsForGang = "waits: for others of its gang",
        WaitsForLargerGang = "waits: its gang is too large",
        WaitsForVictims = "waits: for attempts that make room",
        WaitsForNodes = "waits: no nodes",
        WaitsForQuarantine = "waits: quarantine",
        WaitsForLarger = "waits: no node is large enough",
        WaitsForConstraint = "waits: no node meets a constraint",
        WaitsForAdmission = "waits: nodes are cordoned or drained",
        WaitsToBeApart = "waits: to be apart",
        WaitsForCapacity = "waits: capacity",
        WaitsForReservation = "waits: a reservation",
        WaitsForItsTurn = "waits: outranked",
    }
}

impl Occasion {
    pub(crate) fn of_change(change: &NodeChange) -> Self {
        match change {
            NodeChange::Override(_) => Self::Overridden,
            NodeChange::Replace(_) => Self::Replaced,
            NodeChange::Cordon => Self::Cordoned,
            NodeChange::Uncordon => Self::Uncordoned,
            NodeChange::Drain { after_ms: None } => Self::Drained,
            NodeChange::Drain { after_ms: Some(_) } => Self::DrainedByTime,
        }
    }

    /// All that an answer tells of.
    pub(crate) fn of_answer(answer: &Answer) -> Vec<Self> {
        let (explanation, decision) = match answer {
            Answer::Explained {
                task: Some(task),
                decision,
            } => (task, decision),
            Answer::Explained { task: None, .. } => return vec![Self::ExplainedNothing],
            Answer::PolicyUsed { .. } => return vec![Self::PolicySwitched],
            Answer::Refused(Refusal::UnknownNode(_)) => return vec![Self::UnknownNode],
            _ => return Vec::new(),
        };
        let nodes = explanation.nodes.iter();
        let mut told: Vec<Self> = nodes
            .map(|verdict| Self::of_obstacle(verdict.obstacle.as_ref()))
            .collect();
        let pending = explanation.task.pending.as_ref();
        told.extend(pending.map(Self::of_reason));
        told.extend(decision.as_ref().map(|_| Self::ExplainedDecision));
        told
    }

    fn of_obstacle(obstacle: Option<&Obstacle>) -> Self {
        match obstacle {
            None => Self::ExplainedFree,
            Some(Obstacle::Busy { .. }) => Self::ExplainedBusy,
            Some(Obstacle::Reserved) => Self::ExplainedReserved,
            Some(Obstacle::Apart) => Self::ExplainedApart,
            Some(Obstacle::Quarantined { .. }) => Self::ExplainedQuarantined,
            Some(Obstacle::TooSmall { .. }) => Self::ExplainedTooSmall,
            Some(Obstacle::Constraint(_)) => Self::ExplainedConstraint,
            Some(Obstacle::Cordoned) => Self::ExplainedCordoned,
            Some(Obstacle::Draining) => Self::ExplainedDraining,
            Some(Obstacle::Away) => Self::ExplainedAway,
        }
    }

    fn of_reason(reason: &PendingReason) -> Self {
        match reason {
            PendingReason::Dependency { .. } => Self::WaitsForTask,
            PendingReason::Backoff { .. } => Self::WaitsInBackoff,
            PendingReason::Finally => Self::WaitsForTheRest,
            PendingReason::NoNodes => Self::WaitsForNodes,
            PendingReason::Quarantined { .. } => Self::WaitsForQuarantine,
            PendingReason::NoNodeFits { .. } => Self::WaitsForLarger,
            PendingReason::ConstraintUnmet { .. } => Self::WaitsForConstraint,
            PendingReason::Draining { .. } => Self::WaitsForAdmission,
            PendingReason::Apart { .. } => Self::WaitsToBeApart,
            PendingReason::WaitsForCapacity { .. } => Self::WaitsForCapacity,
            PendingReason::HeldForReservation { .. } => Self::WaitsForReservation,
            PendingReason::Outranked { .. } => Self::WaitsForItsTurn,
            PendingReason::ArrayLimit { .. } => Self::WaitsInArray,
            PendingReason::GangIncomplete { .. } => Self::WaitsForGang,
            PendingReason::GangTooLarge { .. } => Self::WaitsForLargerGang,
            PendingReason::Preempts { .. } => Self::WaitsForVictims,
        }
    }
}
