//! The services. Handlers are thin: check, ask, convert.

mod agents;
mod cluster;
mod dead_letters;
mod explain;
mod get_logs;
mod jobs;
mod list;
mod nodes;
mod pages;
mod policies;
mod queues;
mod replay;
mod selection;
mod session;
mod speeds;
mod status;
pub(crate) mod too_large;
mod trace_context;
mod traces;
mod watch_job;

pub(crate) use agents::Agents;
pub(crate) use cluster::Cluster;
pub(crate) use dead_letters::DeadLetters;
pub(crate) use jobs::Jobs;
pub(crate) use nodes::Nodes;
pub(crate) use policies::Policies;
pub(crate) use queues::Queues;
pub(crate) use traces::Traces;

use drover_model::JobId;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::error::{ApiError, Code};

/// Answers of a streaming call.
type Answers<T> = ReceiverStream<Result<T, Status>>;

fn job_id(text: &str) -> Result<JobId, ApiError> {
    text.parse().map_err(|_| {
        ApiError::invalid_field(
            "job_id",
            format!("{text:?} is not a job id, which is a UUID"),
        )
    })
}

fn job_not_found(id: JobId) -> ApiError {
    ApiError::new(Code::JobNotFound, format!("there is no job {id}"))
}
