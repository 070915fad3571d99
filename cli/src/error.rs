//! Why a command ends without having done its work, and how the process says so.

use std::process::ExitCode;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::file::ReadError;

/// Says what went wrong, and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error("{0}")]
    File(#[from] ReadError),
    #[error("{0}")]
    Usage(String),
    #[error(
        "cannot reach the coordinator at {address}: {problem}\n\
         Start one with `drover dev` or `drover coordinator`, or name another with --address."
    )]
    Unreachable { address: String, problem: String },
    #[error(
        "the coordinator at {address} cannot answer now: {problem}\nIt goes on by itself; try again."
    )]
    Unavailable { address: String, problem: String },
    #[error("{}", explain(.0))]
    Refused(Box<Status>),
    #[error("the coordinator's answer makes no sense here: {0}; is it of another version?")]
    Answer(#[from] drover_proto::DecodeError),
    #[error(transparent)]
    Coordinator(#[from] drover_coordinator::CoordinatorError),
    #[error(transparent)]
    Config(#[from] drover_coordinator::ConfigError),
    #[error(transparent)]
    Agent(#[from] drover_agent::AgentError),
    #[error(transparent)]
    Bench(#[from] crate::bench::BenchError),
    #[error(transparent)]
    Simulation(#[from] drover_sim::command::CommandError),
    #[error(transparent)]
    Execute(#[from] crate::execute::ExecuteError),
    #[error("{what}: {cause}")]
    Io { what: String, cause: std::io::Error },
}

impl CliError {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        move |cause| Self::Io {
            what: what.into(),
            cause,
        }
    }

    /// 2 usage, 3 no coordinator, else 1.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Usage(_) => 2,
            Self::Simulation(error) if error.is_usage() => 2,
            Self::Unreachable { .. } | Self::Unavailable { .. } => 3,
            _ => 1,
        })
    }
}

impl From<Status> for CliError {
    fn from(status: Status) -> Self {
        Self::Refused(Box::new(status))
    }
}

/// The sentence, the reason for programs, and every wrong field.
fn explain(status: &Status) -> String {
    let details = status.get_error_details();
    let mut text = if status.message().is_empty() {
        status.code().description().to_owned()
    } else {
        status.message().to_owned()
    };
    if let Some(info) = details.error_info() {
        text += &format!(" [{}]", info.reason);
    } else if matches!(status.code(), Code::Unknown | Code::Internal) {
        text += &format!(" [{:?}]", status.code());
    }
    for violation in details
        .bad_request()
        .into_iter()
        .flat_map(|bad| &bad.field_violations)
    {
        let line = format!("{}: {}", violation.field, violation.description);
        // With a single one the sentence says it already.
        if status.message() != line {
            text += &format!("\n  {line}");
        }
    }
    text
}

/// What the process says at its end when the job it waited for has ended.
pub(crate) fn outcome_code(state: drover_proto::v1::JobState) -> ExitCode {
    use drover_proto::v1::JobState;
    ExitCode::from(match state {
        JobState::Succeeded => 0,
        JobState::Cancelled => 4,
        JobState::TimedOut => 5,
        _ => 1,
    })
}

#[cfg(test)]
mod tests {
    use tonic_types::{ErrorDetails, StatusExt as _};

    use super::*;

    #[test]
    fn refusal_names_reason_and_fields() {
        let mut details = ErrorDetails::with_error_info("INVALID_JOB", "drover", []);
        details.add_bad_request_violation("tasks[3].needs[0]", "no task `x`");
        let status = Status::with_error_details(Code::InvalidArgument, "the job is wrong", details);
        assert_eq!(
            CliError::from(status).to_string(),
            "the job is wrong [INVALID_JOB]\n  tasks[3].needs[0]: no task `x`"
        );
    }
}
