use std::io;

use drover_model::inference::WeightsError;
use drover_sim::{simulate::SimulateError, trace::ParseTraceError};
use tonic::{Code, Status};

use crate::LearnError;

/// Why nothing is learned now. The policy in use stays as it is in every case.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("--coordinator must look like http://HOST:PORT, not `{0}`")]
    Address(String),
    #[error(
        "--version-prefix must have 1 to {longest} letters, digits, `.`, `_` or `-`, not `{prefix}`"
    )]
    Prefix { prefix: String, longest: usize },
    #[error(
        "--min-jobs is {min_jobs}, and --jobs only {jobs}: it would wait for ever; make --jobs as large"
    )]
    LeastJobs { min_jobs: u32, jobs: u32 },
    #[error("cannot listen for signals: {0}")]
    Signals(#[source] io::Error),
    #[error("no coordinator answers at {address}: {problem}; does one run there?")]
    Unreachable { address: String, problem: String },
    #[error("the coordinator cannot {call} now: {problem}")]
    NotNow { call: &'static str, problem: String },
    #[error("the coordinator refuses to {call}: {problem}")]
    Refused { call: &'static str, problem: String },
    #[error(
        "the coordinator has version {theirs}, and this learner {ours}, which simulates another scheduler; use both of one \
         version"
    )]
    OtherVersion { theirs: String, ours: &'static str },
    #[error(
        "the coordinator does not observe {features}, by which this learner would train; use both of one version"
    )]
    NotObserved { features: String },
    #[error(
        "the coordinator says {what}, which makes no sense here: {problem}; use both of one version"
    )]
    Answer { what: String, problem: String },
    #[error("the weights of `{version}`, which is in use, cannot be used here: {source}")]
    InUse {
        version: String,
        source: WeightsError,
    },
    #[error("the history cannot be read: {0}")]
    History(#[from] ParseTraceError),
    #[error("recent load cannot be simulated: {0}")]
    Simulate(#[from] SimulateError),
    #[error(transparent)]
    Learn(#[from] LearnError),
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// It may be over in a moment.
    TryAgain,
    /// Somebody may change something while this goes on.
    NextTurn,
    /// Not with this program, or these flags.
    GiveUp,
}

impl ServeError {
    pub(super) fn of(call: &'static str, address: &str, status: &Status) -> Self {
        let problem = status.message().to_owned();
        // A status that a coordinator sent itself has no source.
        if std::error::Error::source(status).is_some() {
            return Self::Unreachable {
                address: address.to_owned(),
                problem,
            };
        }
        match status.code() {
            // Another leads, has no room, has another policy in use by now, or has given the version away.
            Code::Unavailable | Code::ResourceExhausted | Code::Aborted | Code::AlreadyExists => {
                Self::NotNow { call, problem }
            }
            // What it does not know is of a newer learner.
            _ => Self::Refused { call, problem },
        }
    }

    pub(super) fn remedy(&self) -> Remedy {
        match self {
            Self::Unreachable { .. } | Self::NotNow { .. } => Remedy::TryAgain,
            Self::Refused { .. }
            | Self::InUse { .. }
            | Self::History(_)
            | Self::Simulate(_)
            | Self::Learn(_) => Remedy::NextTurn,
            Self::Address(_)
            | Self::Prefix { .. }
            | Self::LeastJobs { .. }
            | Self::Signals(_)
            | Self::OtherVersion { .. }
            | Self::NotObserved { .. }
            | Self::Answer { .. } => Remedy::GiveUp,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_and_goes_is_tried_again() {
        for (code, remedy) in [
            (Code::Unavailable, Remedy::TryAgain),
            (Code::ResourceExhausted, Remedy::TryAgain),
            (Code::Aborted, Remedy::TryAgain),
            (Code::AlreadyExists, Remedy::TryAgain),
            (Code::InvalidArgument, Remedy::NextTurn),
            (Code::Unimplemented, Remedy::NextTurn),
            (Code::Internal, Remedy::NextTurn),
        ] {
            let status = Status::new(code, "a reason");
            let error = ServeError::of("take the candidate", "http://a", &status);
            assert_eq!(error.remedy(), remedy, "{error}");
            assert!(error.to_string().ends_with(": a reason"), "{error}");
        }
        let lost = Status::from_error(Box::new(io::Error::other("reset")));
        let error = ServeError::of("list its jobs", "http://a", &lost);
        assert!(matches!(error, ServeError::Unreachable { .. }), "{error}");
    }
}
