//! Why a task waits, and how it was placed.

use drover_model::{Answer, JobId, Question};
use drover_proto::{
    job::{self, Known},
    spec::Places,
    v1,
};

use super::{job_id, job_not_found, jobs::unreadable, selection::place};
use crate::{
    clock,
    error::{ApiError, Code},
    inbox::Wish,
    server::Parts,
};

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
    let known = known(asked, stored.row.state.is_final())?;
    Ok(job::explanation(job, task, known))
}

/// Of a job that has ended the record is enough where nobody leads. Where somebody does, what is known in full is not left
/// out silently because too many requests wait.
fn known(asked: Result<Known, ApiError>, has_ended: bool) -> Result<Known, ApiError> {
    match asked {
        Err(error) if has_ended && error.code == Code::NotLeader => Ok(Known::default()),
        asked => asked,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_where_nobody_leads_is_the_record_enough() {
        let known_of = |error, has_ended| known(Err(error), has_ended).map(|known| known.task);
        let standby = || ApiError::not_leader(Some("http://one:1".into()));
        assert_eq!(known_of(standby(), true), Ok(None));
        assert_eq!(known_of(standby(), false), Err(standby()));
        for passing in [ApiError::overloaded(), ApiError::interrupted()] {
            assert_eq!(known_of(passing.clone(), true), Err(passing));
        }
    }
}
