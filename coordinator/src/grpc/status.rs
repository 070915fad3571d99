//! Errors on the wire: the one place where codes become gRPC.

use std::collections::HashMap;

use tonic::Status;
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

use crate::error::{ApiError, Code};

const DOMAIN: &str = "drover";
/// Details travel in a header, and clients refuse large ones: this much of the violations is told.
const MAX_VIOLATION_BYTES: usize = 3_000;
const MAX_PROBLEM_CHARS: usize = 500;

fn grpc(code: Code) -> (tonic::Code, &'static str) {
    match code {
        Code::InvalidArgument => (tonic::Code::InvalidArgument, "INVALID_ARGUMENT"),
        Code::JobNotFound => (tonic::Code::NotFound, "JOB_NOT_FOUND"),
        Code::TaskNotFound => (tonic::Code::NotFound, "TASK_NOT_FOUND"),
        Code::AttemptNotFound => (tonic::Code::NotFound, "ATTEMPT_NOT_FOUND"),
        Code::NodeNotFound => (tonic::Code::NotFound, "NODE_NOT_FOUND"),
        Code::RequestIdReused => (tonic::Code::AlreadyExists, "REQUEST_ID_REUSED"),
        Code::JobEnded => (tonic::Code::FailedPrecondition, "JOB_ENDED"),
        Code::JobFinishing => (tonic::Code::FailedPrecondition, "JOB_FINISHING"),
        Code::JobRollingBack => (tonic::Code::FailedPrecondition, "JOB_ROLLING_BACK"),
        Code::NothingToUndo => (tonic::Code::FailedPrecondition, "NOTHING_TO_UNDO"),
        Code::NotDead => (tonic::Code::FailedPrecondition, "NOT_DEAD"),
        Code::DeadLetterNotFound => (tonic::Code::NotFound, "DEAD_LETTER_NOT_FOUND"),
        Code::NothingToKeep => (tonic::Code::FailedPrecondition, "NOTHING_TO_KEEP"),
        Code::DeadlinePassed => (tonic::Code::FailedPrecondition, "DEADLINE_PASSED"),
        Code::Impossible => (tonic::Code::FailedPrecondition, "IMPOSSIBLE"),
        Code::PolicyNotFound => (tonic::Code::NotFound, "POLICY_NOT_FOUND"),
        Code::PolicyExists => (tonic::Code::AlreadyExists, "POLICY_EXISTS"),
        Code::PolicyIsRule => (tonic::Code::FailedPrecondition, "POLICY_IS_RULE"),
        Code::NotCandidate => (tonic::Code::FailedPrecondition, "NOT_CANDIDATE"),
        Code::NothingBefore => (tonic::Code::FailedPrecondition, "NOTHING_BEFORE"),
        Code::PolicyChanged => (tonic::Code::Aborted, "POLICY_CHANGED"),
        Code::Overloaded => (tonic::Code::ResourceExhausted, "OVERLOADED"),
        Code::NotLeader => (tonic::Code::Unavailable, "NOT_LEADER"),
        Code::Unavailable => (tonic::Code::Unavailable, "UNAVAILABLE"),
        Code::WatcherTooSlow => (tonic::Code::OutOfRange, "WATCHER_TOO_SLOW"),
        Code::PermissionDenied => (tonic::Code::PermissionDenied, "PERMISSION_DENIED"),
        Code::UnsupportedProtocol => (tonic::Code::FailedPrecondition, "UNSUPPORTED_PROTOCOL"),
        Code::Superseded => (tonic::Code::Aborted, "SUPERSEDED"),
        Code::Internal => (tonic::Code::Internal, "INTERNAL"),
    }
}

impl From<ApiError> for Status {
    fn from(error: ApiError) -> Self {
        let (code, reason) = grpc(error.code);
        let leader = error
            .leader
            .map(|leader| ("leader".to_owned(), leader.as_ref().to_owned()));
        let metadata: HashMap<String, String> = leader.into_iter().collect();
        let mut details = ErrorDetails::with_error_info(reason, DOMAIN, metadata);
        if let Some(delay) = error.retry_after {
            details.set_retry_info(Some(delay));
        }
        if !error.violations.is_empty() {
            let mut bytes = 0;
            let told: Vec<FieldViolation> = error
                .violations
                .iter()
                .map(|violation| {
                    FieldViolation::new(shorten(&violation.field), shorten(&violation.problem))
                })
                .take_while(|violation| {
                    bytes += violation.field.len() + violation.description.len();
                    bytes <= MAX_VIOLATION_BYTES
                })
                .collect();
            details.set_bad_request(told);
        }
        Self::with_error_details(code, shorten(&error.message), details)
    }
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_PROBLEM_CHARS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use drover_proto::Violation;

    use super::*;

    #[test]
    fn details_say_what_and_when() {
        let status = Status::from(ApiError::overloaded());
        assert_eq!(status.code(), tonic::Code::ResourceExhausted);
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!((&*info.reason, &*info.domain), ("OVERLOADED", "drover"));
        let delay = details.retry_info().unwrap().retry_delay;
        assert_eq!(delay, Some(Duration::from_millis(100)));
    }

    #[test]
    fn a_standby_says_where_the_leader_is() {
        let status = Status::from(ApiError::not_leader(Some("http://one:7700".into())));
        assert_eq!(status.code(), tonic::Code::Unavailable);
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!(info.reason, "NOT_LEADER");
        assert_eq!(info.metadata["leader"], "http://one:7700");
        let unknown = Status::from(ApiError::not_leader(None)).get_error_details();
        assert!(unknown.error_info().unwrap().metadata.is_empty());
        assert!(unknown.retry_info().is_some());
    }

    #[test]
    fn violations_are_told_up_to_what_a_header_holds() {
        let violations = (0..1_000)
            .map(|n| Violation {
                field: format!("tasks[{n}].name"),
                problem: "ä".repeat(2_000),
            })
            .collect();
        let status = Status::from(ApiError::invalid(violations));
        assert!(status.message().starts_with("tasks[0].name: ä"));
        let told = status.get_error_details().bad_request().unwrap().clone();
        assert_eq!(told.field_violations[0].field, "tasks[0].name");
        assert!(status.details().len() + status.message().len() < 6_000);
    }
}
