//! What can go wrong: for the person who starts a coordinator, and for those who call it.

use std::{borrow::Cow, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use drover_model::Refusal;
use drover_proto::Violation;

use crate::{config::ConfigError, store::StoreError};

/// Why a coordinator does not run.
#[derive(Debug, thiserror::Error)]
pub enum CoordinatorError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("cannot listen on {address}: {source}; is another coordinator running there?")]
    Bind {
        address: SocketAddr,
        source: std::io::Error,
    },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the model cannot be loaded with what the store holds; its log says why")]
    Load,
    #[error("cannot append to the record {path}: {source}; does its directory exist?")]
    Record {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("serving failed: {0}")]
    Serve(#[from] tonic::transport::Error),
    #[error("the coordinator ended before it led; its log says why")]
    Ended,
}

/// Every way in which a call can fail. Mapped to gRPC in one place ([`crate::grpc::status`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    InvalidArgument,
    JobNotFound,
    TaskNotFound,
    AttemptNotFound,
    NodeNotFound,
    /// The request id belongs to another job.
    RequestIdReused,
    JobEnded,
    /// Only `finally` tasks of the job are left.
    JobFinishing,
    /// The job is rolling back, and what was asked for would not stop that.
    JobRollingBack,
    /// No finished task of the job has an undo step.
    NothingToUndo,
    /// The job is open, or did not end badly, or was replayed or purged.
    NotDead,
    DeadLetterNotFound,
    /// The job was rolled back: nothing of it is left to go on from.
    NothingToKeep,
    /// The deadline of the job has passed, and would end it at once.
    DeadlinePassed,
    /// No node that ever joined could run the job, and such jobs are refused.
    Impossible,
    PolicyNotFound,
    /// The version belongs to other weights.
    PolicyExists,
    /// It has no weights.
    PolicyIsRule,
    /// The version was in use before.
    NotCandidate,
    /// No policy was in use before the one that is.
    NothingBefore,
    /// Another policy is in use than the caller knows.
    PolicyChanged,
    /// Too many requests wait.
    Overloaded,
    /// This coordinator does not lead, and the call had no effect.
    NotLeader,
    /// This coordinator has just stopped to lead, or its store does not answer; whether the call had an effect is not
    /// known.
    Unavailable,
    WatcherTooSlow,
    PermissionDenied,
    UnsupportedProtocol,
    /// A newer session of the node has taken over.
    Superseded,
    Internal,
}

/// What a caller hears.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ApiError {
    pub(crate) code: Code,
    pub(crate) message: Cow<'static, str>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) retry_after: Option<Duration>,
    /// Where to go instead.
    pub(crate) leader: Option<Arc<str>>,
}

impl ApiError {
    pub(crate) fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            violations: Vec::new(),
            retry_after: None,
            leader: None,
        }
    }

    pub(crate) fn not_leader(leader: Option<Arc<str>>) -> Self {
        let message = match &leader {
            Some(leader) => format!("this coordinator stands by; {leader} leads").into(),
            None => Cow::Borrowed("nobody leads at the moment, as far as this coordinator knows"),
        };
        Self {
            retry_after: leader.is_none().then_some(Duration::from_millis(500)),
            leader,
            ..Self::new(Code::NotLeader, message)
        }
    }

    pub(crate) fn invalid(violations: Vec<Violation>) -> Self {
        let message = match violations.as_slice() {
            [] => "the request is not valid".to_owned(),
            [one] => one.to_string(),
            [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
        };
        Self {
            violations,
            ..Self::new(Code::InvalidArgument, message)
        }
    }

    pub(crate) fn invalid_field(field: &str, problem: impl Into<String>) -> Self {
        Self::invalid(vec![Violation {
            field: field.to_owned(),
            problem: problem.into(),
        }])
    }

    pub(crate) fn overloaded() -> Self {
        Self {
            retry_after: Some(Duration::from_millis(100)),
            ..Self::new(
                Code::Overloaded,
                "too many requests are waiting; try again in a moment",
            )
        }
    }

    /// The coordinator stopped leading while the call was under way.
    pub(crate) fn interrupted() -> Self {
        Self {
            retry_after: Some(Duration::from_millis(500)),
            ..Self::new(
                Code::Unavailable,
                "the coordinator is not leading at the moment; whether the call took effect is not known, and a submit \
                 with the same request_id is safe to send again",
            )
        }
    }

    pub(crate) fn internal() -> Self {
        Self::new(
            Code::Internal,
            "the coordinator failed on this call, which changed nothing; its log says why",
        )
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        // Details of the database are for the log, not for callers.
        tracing::error!(%error, "the store failed a read");
        Self {
            retry_after: Some(Duration::from_millis(500)),
            ..Self::new(
                Code::Unavailable,
                "the store does not answer at the moment; try again",
            )
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::NotOpen(_) | Refusal::AlreadyCancelling(_) => {
                Self::new(Code::JobEnded, message)
            }
            Refusal::Finishing(_) => Self::new(Code::JobFinishing, message),
            Refusal::RollingBack(_) => Self::new(Code::JobRollingBack, message),
            Refusal::NothingToUndo(_) => Self::new(Code::NothingToUndo, message),
            Refusal::UnknownNode(_) => Self::new(Code::NodeNotFound, message),
            // In better words where its spec is at hand.
            Refusal::Impossible { .. } => Self::new(Code::Impossible, message),
            Refusal::TooManyLabels(_) => Self::new(Code::InvalidArgument, message),
            Refusal::UnusablePolicy { .. } => Self::new(Code::InvalidArgument, message),
            Refusal::OtherPolicy { .. } => Self::new(Code::PolicyChanged, message),
            Refusal::RequestIdReused(_) => Self::new(Code::RequestIdReused, message),
            Refusal::LookupStale => Self {
                retry_after: Some(Duration::from_millis(100)),
                ..Self::new(Code::Unavailable, message)
            },
        }
    }
}
