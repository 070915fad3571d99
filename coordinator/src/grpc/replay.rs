//! A dead job again, under a new id.

use drover_model::{AttemptState, Carried, JobId, JobState, NewJob};
use drover_proto::{spec, v1};
use tonic::Request;
use uuid::Uuid;

use super::{
    dead_letters::not_dead, job_id, job_not_found, jobs::response, trace_context::traceparent,
};
use crate::{
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
    let again = again(id, &stored)?;
    if let Some(earlier) = parts.submitter.find(&again).await? {
        return Ok(response(&earlier));
    }
    if !parts.store.is_dead_letter(id).await? {
        return Err(ApiError::new(Code::NotDead, not_dead(id, &stored)));
    }
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

fn again(id: JobId, stored: &StoredJob) -> Result<NewJob, ApiError> {
    let compiled = spec::compile_stored(&stored.fixed.stored_spec).map_err(|violations| {
        // A job is parked for this, among others.
        let problem = violations
            .first()
            .map_or_else(String::new, ToString::to_string);
        let message =
            format!("job {id} cannot be replayed, its stored spec is not valid: {problem}");
        ApiError::new(Code::NotDead, message)
    })?;
    Ok(NewJob {
        id: JobId(Uuid::now_v7()),
        name: compiled.name,
        spec: compiled.spec,
        request_id: Some(spec::replay_request_id(id)),
        traceparent: None,
        stored_spec: stored.fixed.stored_spec.clone(),
        replay_of: Some(id),
        carried: Vec::new(),
    })
}

/// What had succeeded, but for `finally` tasks: they run whenever a job has come to its end.
fn carried(id: JobId, stored: &StoredJob, again: &NewJob) -> Result<Vec<Carried>, ApiError> {
    if matches!(
        stored.row.state,
        JobState::RolledBack | JobState::RollbackFailed
    ) {
        let message = format!(
            "job {id} was rolled back: what had succeeded is undone, so it can only be replayed as a whole"
        );
        return Err(ApiError::new(Code::NothingToKeep, message));
    }
    let is_kept = |task: u32| {
        let task = again.spec.tasks.get(task as usize);
        task.is_some_and(|task| !task.finally)
    };
    let kept = stored
        .attempts
        .iter()
        .filter(|row| row.state == AttemptState::Succeeded && is_kept(row.key.task))
        .map(|row| Carried {
            task: row.key.task,
            node: row.node.clone(),
            assigned_at: row.assigned_at,
            started_at: row.started_at.unwrap_or(row.assigned_at),
            ended_at: row.ended_at.unwrap_or(row.assigned_at),
        });
    Ok(kept.collect())
}
