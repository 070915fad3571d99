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
        let named = place(&Places::of(tasks), name)?;
        return Ok(waiting_instance(job, named).unwrap_or(named));
    }
    // An array or gang as a whole only waits for its instances.
    let waits_for_others =
        |task: &v1::Task| task.state() == v1::TaskState::Pending && task.instances.is_none();
    let first = first(job, waits_for_node).or_else(|| first(job, waits_for_others));
    Ok(first.unwrap_or(0))
}

/// Of an array or gang the first instance that waits for a node.
fn waiting_instance(job: &v1::Job, whole: u32) -> Option<u32> {
    let whole = job.tasks.get(whole as usize)?;
    whole.instances.as_ref()?;
    first(job, |task| {
        task.instance_of == whole.name && waits_for_node(task)
    })
}

fn first(job: &v1::Job, is_meant: impl Fn(&v1::Task) -> bool) -> Option<u32> {
    let place = job.tasks.iter().position(is_meant)?;
    Some(place as u32)
}

fn waits_for_node(task: &v1::Task) -> bool {
    use v1::TaskState::{Queued, Retrying};
    matches!(task.state(), Queued | Retrying)
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

    fn job(tasks: &[(&str, v1::TaskState, &str)]) -> v1::Job {
        let task = |(name, state, instance_of): &(&str, v1::TaskState, &str)| v1::Task {
            name: (*name).to_owned(),
            state: (*state).into(),
            instance_of: (*instance_of).to_owned(),
            instances: ["array", "gang"].contains(name).then(Default::default),
            ..v1::Task::default()
        };
        v1::Job {
            tasks: tasks.iter().map(task).collect(),
            ..v1::Job::default()
        }
    }

    #[test]
    fn what_waits_for_a_node_comes_before_what_waits_for_others() {
        use v1::TaskState::{Pending, Queued, Running};
        let running = [
            ("array[0]", Running, "array"),
            ("array", Pending, ""),
            ("next", Pending, ""),
            ("stuck", Queued, ""),
        ];
        let chosen = |tasks: &[_]| choose(&job(tasks), "");
        assert_eq!(chosen(&running), Ok(3));
        assert_eq!(chosen(&running[..3]), Ok(2));
        assert_eq!(chosen(&running[..2]), Ok(0), "nothing waits");
        let gang = [
            ("gang[0]", Running, "gang"),
            ("gang[1]", Queued, "gang"),
            ("gang", Pending, ""),
        ];
        assert_eq!(waiting_instance(&job(&gang), 2), Some(1));
        assert_eq!(waiting_instance(&job(&gang), 0), None);
        assert_eq!(waiting_instance(&job(&running), 1), None);
    }

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
