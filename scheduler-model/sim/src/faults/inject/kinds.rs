//! The names of what can go wrong.

use crate::faults::kinds::kinds;

kinds! {
    /// What is counted as having happened.
    FaultKind {
        MessageLost = "message lost with its connection",
        MessageDuplicated = "message duplicated",
        MessageDelayed = "message delayed",
        CallLost = "call or answer lost",
        CallDuplicated = "call duplicated",
        CallReordered = "call overtaken by a later one",
        ConnectionCut = "connection cut",
        AgentCrash = "agent crashed",
        AgentPaused = "agent stopped by SIGSTOP",
        AgentLeaves = "agent left and came back",
        AgentPartition = "agent apart from coordinators",
        JournalTorn = "journal torn",
        AgentClockJump = "wall clock of an agent jumped",
        CoordinatorClockJump = "wall clock of a coordinator jumped",
        CoordinatorCrash = "coordinator crashed",
        CoordinatorPaused = "coordinator stopped by SIGSTOP",
        CoordinatorResigns = "coordinator resigned",
        StorePartition = "coordinator apart from the store",
        StoreDown = "store restarted",
        CommitLost = "commit lost before the store",
        CommitAnswerLost = "answer to a commit lost",
        CommitLate = "commit arrived after it was given up",
        CommitSlow = "commit slow",
        CommitRefused = "commit refused once",
        CommitFenced = "commit of a deposed leader fenced",
        TwoLeaders = "a deposed leader did not know it",
        Takeover = "lease taken over",
        CarefulLeadership = "events stepped one per commit",
        StepPanicked = "step panicked",
        JobParked = "poisonous job parked",
    }
}

kinds! {
    /// Where a coordinator can die that matters.
    CrashPoint {
        /// A turn is sealed and not sent.
        BeforeCommit = "before a commit",
        /// The store has it, the answer is under way.
        AfterCommit = "after a commit, its answer lost",
        /// The answer is here.
        BeforeActions = "between a commit and its actions",
        AmidActions = "amid the actions of a commit",
        MidLoad = "in the middle of a load",
        /// A join is stepped and not committed.
        MidReconcile = "in the middle of a reconcile",
    }
}

/// What becomes of the next commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitFault {
    /// The connection breaks before the store has it.
    LostBefore,
    /// It happens, and nobody hears of it.
    AnswerLost,
    /// It happens only after the connection was given up.
    Late {
        ms: u64,
    },
    Slow {
        ms: u64,
    },
    /// For its content, though there is nothing wrong with it.
    RefusedOnce,
}

impl CommitFault {
    pub const fn kind(self) -> FaultKind {
        match self {
            Self::LostBefore => FaultKind::CommitLost,
            Self::AnswerLost => FaultKind::CommitAnswerLost,
            Self::Late { .. } => FaultKind::CommitLate,
            Self::Slow { .. } => FaultKind::CommitSlow,
            Self::RefusedOnce => FaultKind::CommitRefused,
        }
    }
}
