//! A dead job again, under a new id.

use drover_model::{Carried, Deadline, DeadlineAction, JobId, JobState, NewJob, replay};
use drover_proto::{
    spec::{self, Compiled, Limits},
    v1::{self, job_spec, replay_dead_letter_request as request},
};
use prost::Message as _;
use tonic::Request;
use uuid::Uuid;

use super::{
    dead_letters::not_dead, job_id, job_not_found, jobs::response, trace_context::traceparent,
};
use crate::{
    clock,
    error::{ApiError, Code},
    server::Parts,
    store::StoredJob,
};

/// Safe to repeat: the new job has a request id that follows from the old one.
pub(super) async fn replay(
    parts: &Parts,
    request: Request<v1::ReplayDeadLetterRequest>,
) -> Result<v1::SubmitResponse, ApiError> {
    parts.senders.require_leader()?;
    let traceparent = traceparent(request.metadata());
    let request = request.into_inner();
    let id = job_id(&request.job_id)?;
    let (_, stored) = parts.store.job(id).await?;
    let stored = stored.ok_or_else(|| job_not_found(id))?;
    let again = again(id, &stored, request.deadline)?;
    if let Some(earlier) = parts.submitter.find(&again).await? {
        return Ok(response(&earlier));
    }
    if !parts.store.is_dead_letter(id).await? {
        return Err(ApiError::new(Code::NotDead, not_dead(id, &stored)));
    }
    has_time_left(&again)?;
    let carried = if request.from_failed {
        carried(id, &stored, &again)?
    } else {
        Vec::new()
    };
    let job = NewJob {
        traceparent,
        carried,
        ..again
    };
    let submitted = parts.submitter.submit(vec![job.into()]).await?;
    let first = submitted.first().ok_or_else(ApiError::internal)?;
    Ok(response(first))
}

fn again(
    id: JobId,
    stored: &StoredJob,
    deadline: Option<request::Deadline>,
) -> Result<NewJob, ApiError> {
    let mut compiled = spec::compile_stored(&stored.fixed.stored_spec).map_err(|violations| {
        // A job is parked for this, among others.
        let problem = violations
            .first()
            .map_or_else(String::new, ToString::to_string);
        let message =
            format!("job {id} cannot be replayed, its stored spec is not valid: {problem}");
        ApiError::new(Code::NotDead, message)
    })?;
    // As its user wrote it.
    compiled.stored_spec = stored.fixed.stored_spec.clone();
    if let Some(deadline) = deadline {
        compiled = with_deadline(&compiled, deadline)?;
    }
    Ok(NewJob {
        id: JobId(Uuid::now_v7()),
        name: compiled.name,
        spec: compiled.spec,
        request_id: Some(spec::replay_request_id(id)),
        traceparent: None,
        stored_spec: compiled.stored_spec,
        replay_of: Some(id),
        carried: Vec::new(),
    })
}

fn with_deadline(compiled: &Compiled, deadline: request::Deadline) -> Result<Compiled, ApiError> {
    let mut spec = v1::JobSpec::decode(compiled.stored_spec.clone())
        .expect("what was compiled can be decoded");
    spec.deadline = Some(match deadline {
        request::Deadline::DeadlineAfter(after) => job_spec::Deadline::DeadlineAfter(after),
        request::Deadline::DeadlineAt(at) => job_spec::Deadline::DeadlineAt(at),
    });
    spec::compile(&spec, &Limits::NONE).map_err(ApiError::invalid)
}

/// A job that its deadline cancels would be dead again before it has done anything.
fn has_time_left(again: &NewJob) -> Result<(), ApiError> {
    match again.spec.deadline {
        Some(Deadline::At(at))
            if again.spec.deadline_action == DeadlineAction::Cancel && at <= clock::wall() =>
        {
            let message = "the job's deadline has passed and would cancel the replay at once; give it a new one \
                           (--deadline)";
            Err(ApiError::new(Code::DeadlinePassed, message))
        }
        _ => Ok(()),
    }
}

/// What had succeeded, but for `finally` tasks: they run whenever a job has come to its end.
fn carried(id: JobId, stored: &StoredJob, again: &NewJob) -> Result<Vec<Carried>, ApiError> {
    if was_rolled_back(stored) {
        let message = format!(
            "job {id} was rolled back: what had succeeded is undone, so it can only be replayed as a whole"
        );
        return Err(ApiError::new(Code::NothingToKeep, message));
    }
    Ok(replay::carried(&again.spec, &stored.attempts))
}

/// Whatever it ended as: once an undo step has begun, nobody knows what of its task is left.
fn was_rolled_back(stored: &StoredJob) -> bool {
    let ended_as = matches!(
        stored.row.state,
        JobState::RolledBack | JobState::RollbackFailed
    );
    let mut attempts = stored.attempts.iter();
    ended_as || attempts.any(|row| row.key.task >= stored.fixed.task_count)
}
