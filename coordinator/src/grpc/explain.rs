//! Why a task waits, and how it was placed.

use drover_model::{Answer, JobId, Question};
use drover_proto::{
    job::{self, Known},
    spec::Places,
    v1,
};

use super::{job_id, job_not_found, jobs::unreadable, selection::place};
use crate::{clock, error::ApiError, inbox::Wish, server::Parts};

pub(super) async fn explain(
    parts: &Parts,
    request: &v1::ExplainRequest,
) -> Result<v1::ExplainResponse, ApiError> {
    let id = job_id(&request.job_id)?;
    let (_, stored) = parts.store.job(id).await?;
    let stored = stored.ok_or_else(|| job_not_found(id))?;
    let record = job::JobRecord {
        row: &stored.row,
        fixed: &stored.fixed,
        attempts: &stored.attempts,
        view: None,
    };
    let job = job::job(record, clock::wall()).map_err(|error| unreadable(&error))?;
    let task = choose(&job, &request.task)?;
    let asked = ask(parts, id, task).await;
    let known = if stored.row.state.is_final() {
        // The record is enough, also where nobody leads.
        asked.unwrap_or_default()
    } else {
        asked?
    };
    Ok(job::explanation(job, task, known))
}

/// Its place among the tasks.
fn choose(job: &v1::Job, name: &str) -> Result<u32, ApiError> {
    if !name.is_empty() {
        let tasks = job.spec.as_ref().map_or(&[][..], |spec| &spec.tasks);
        return place(&Places::of(tasks), name);
    }
    let waits = |task: &v1::Task| {
        use v1::TaskState::{Pending, Queued, Retrying};
        matches!(task.state(), Pending | Queued | Retrying)
    };
    let first = (0..).zip(&job.tasks).find(|(_, task)| waits(task));
    Ok(first.map_or(0, |(place, _)| place))
}

async fn ask(parts: &Parts, job: JobId, task: u32) -> Result<Known, ApiError> {
    let question = Question::Explain { job, task };
    match parts.senders.ask(Wish::Ask(question)).await? {
        Answer::Explained { task, decision } => Ok(Known { task, decision }),
        _ => Err(ApiError::internal()),
    }
}
