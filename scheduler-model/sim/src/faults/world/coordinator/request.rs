//! What a coordinator asks of the database, and what it hears.

use std::sync::Arc;

use drover_model::{
    Epoch, JobId, Snapshot, TurnNumber,
    lead::Poison,
    turn::{CommitOutcome, SealedTurn},
};

use crate::faults::world::{client::StoredDeath, database::FoundRequest};

#[derive(Clone, Debug)]
pub enum DatabaseRequest {
    Acquire {
        holder: String,
    },
    Load {
        epoch: Epoch,
    },
    /// Ends in the record what is at fault.
    Isolate {
        epoch: Epoch,
        poison: Poison,
    },
    Commit {
        sealed: Arc<SealedTurn>,
    },
    ReadLease,
    Resign {
        epoch: Epoch,
    },
    FindRequests {
        call: usize,
        keys: Vec<(Arc<str>, Arc<str>)>,
    },
    /// All that a replay needs to know of a job.
    ReadDeath {
        call: usize,
        job: JobId,
    },
}

#[derive(Debug)]
pub enum DatabaseAnswer {
    Leader(Epoch),
    HeldFor {
        ms: u64,
        holder: String,
    },
    Loaded(Option<Box<Snapshot>>),
    Isolated,
    Resigned,
    /// A pause is over.
    Waited,
    Committed(CommitOutcome),
    Lease {
        epoch: Epoch,
        turn: TurnNumber,
    },
    Found {
        call: usize,
        turn: TurnNumber,
        found: Vec<FoundRequest>,
    },
    Death {
        call: usize,
        death: Option<StoredDeath>,
    },
    /// No answer.
    Failed(FailedRequest),
}

#[derive(Clone, Copy, Debug)]
pub enum FailedRequest {
    /// Of the driver, while it takes over.
    TakingOver,
    Commit,
    Lease,
    Resign,
    Call(usize),
}

impl DatabaseRequest {
    pub(super) fn is_of_driver(&self) -> bool {
        !matches!(
            self,
            Self::Resign { .. } | Self::FindRequests { .. } | Self::ReadDeath { .. }
        )
    }

    pub(super) fn failed(&self) -> FailedRequest {
        match self {
            Self::Acquire { .. } | Self::Load { .. } | Self::Isolate { .. } => {
                FailedRequest::TakingOver
            }
            Self::Commit { .. } => FailedRequest::Commit,
            Self::ReadLease => FailedRequest::Lease,
            Self::Resign { .. } => FailedRequest::Resign,
            Self::FindRequests { call, .. } | Self::ReadDeath { call, .. } => {
                FailedRequest::Call(*call)
            }
        }
    }
}
