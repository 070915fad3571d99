//! Jobs that ended so that somebody should look at them.

use std::sync::Arc;

use drover_model::JobId;
use drover_proto::{
    job::{self, JobRecord},
    time, v1,
};
use tonic::{Request, Response, Status};

use super::{
    get_logs, job_id, job_not_found,
    jobs::unreadable,
    list,
    pages::{Page, namespace, refuse_nul},
    replay,
};
use crate::{
    clock,
    error::{ApiError, Code},
    principal::Principal,
    server::Parts,
    store::{DeadLetter, DeadLetterQuery, Purge, StoredJob},
};

/// Ids in one purge.
const MAX_IDS: usize = 1_000;
/// Output shown with a dead letter.
const LAST_LOG_BYTES: usize = 4 * 1024;

pub(crate) struct DeadLetters {
    parts: Parts,
}

impl DeadLetters {
    pub(crate) fn new(parts: Parts) -> Self {
        Self { parts }
    }

    async fn list_page(
        &self,
        request: v1::ListDeadLettersRequest,
    ) -> Result<v1::ListDeadLettersResponse, ApiError> {
        let filters = (&request.namespace, &request.queue);
        let page = Page::read(request.page_size, &request.page_token, filters)?;
        refuse_nul("queue", &request.queue)?;
        let query = DeadLetterQuery {
            namespace: namespace(&request.namespace)?.into(),
            queue: (!request.queue.is_empty()).then(|| Arc::from(request.queue.as_str())),
            before: page.before,
            limit: page.limit(),
        };
        let mut found = self.parts.store.dead_letters(&query).await?;
        let next_page_token = page.cut(&mut found, |found| found.job.row.id);
        Ok(v1::ListDeadLettersResponse {
            dead_letters: found.iter().map(listed).collect::<Result<_, _>>()?,
            next_page_token,
        })
    }

    async fn get_one(&self, text: &str) -> Result<v1::DeadLetter, ApiError> {
        let id = job_id(text)?;
        let (_, stored) = self.parts.store.job(id).await?;
        let stored = stored.ok_or_else(|| job_not_found(id))?;
        if !self.parts.store.is_dead_letter(id).await? {
            let message = not_dead(id, &stored);
            return Err(ApiError::new(Code::DeadLetterNotFound, message));
        }
        let record = record(&stored);
        let death = death(record)?;
        let last_log = match death.attempt {
            Some(attempt) => get_logs::tail(&*self.parts.store, attempt, LAST_LOG_BYTES).await?,
            None => Vec::new(),
        };
        Ok(v1::DeadLetter {
            job: Some(job::job(record, clock::wall()).map_err(|error| unreadable(&error))?),
            reason: death.reason,
            task: death.task.unwrap_or_default(),
            last_log: last_log.into(),
        })
    }

    async fn purge_some(&self, request: v1::PurgeDeadLettersRequest) -> Result<u64, ApiError> {
        self.parts.senders.require_leader()?;
        let purge = purge(&request)?;
        Ok(self.parts.store.purge_dead_letters(&purge).await?)
    }
}

fn listed(letter: &DeadLetter) -> Result<v1::DeadLetter, ApiError> {
    let record = JobRecord {
        row: &letter.job.row,
        fixed: &letter.job.fixed,
        attempts: &letter.failed,
        view: None,
    };
    Ok(v1::DeadLetter {
        job: Some(list::summary(&letter.job)?),
        reason: death(record)?.reason,
        ..Default::default()
    })
}

fn record(stored: &StoredJob) -> JobRecord<'_> {
    JobRecord {
        row: &stored.row,
        fixed: &stored.fixed,
        attempts: &stored.attempts,
        view: None,
    }
}

fn death(record: JobRecord<'_>) -> Result<job::Death, ApiError> {
    job::death(record).map_err(|error| unreadable(&error))
}

/// Why a job is no dead letter.
pub(super) fn not_dead(id: JobId, stored: &StoredJob) -> String {
    let state = stored.row.state;
    if state.is_dead() {
        format!(
            "job {id} {state}, but is not on the list of dead letters: it was replayed or purged"
        )
    } else {
        format!("job {id} is not dead: it is {state}")
    }
}

fn purge(request: &v1::PurgeDeadLettersRequest) -> Result<Purge, ApiError> {
    let namespace = namespace(&request.namespace)?.into();
    let time = request.ended_before_time.as_ref().map(time::to_model);
    let time = time
        .transpose()
        .map_err(|problem| ApiError::invalid_field("ended_before_time", problem.to_string()))?;
    match (request.job_ids.as_slice(), time) {
        ([], None) => Err(ApiError::invalid_field(
            "job_ids",
            "say which dead letters to purge: by job_ids, or by ended_before_time",
        )),
        ([], Some(time)) => Ok(Purge::EndedBefore { namespace, time }),
        (ids, None) => Ok(Purge::Jobs {
            namespace,
            jobs: ids_of(ids)?,
        }),
        (_, Some(_)) => Err(ApiError::invalid_field(
            "ended_before_time",
            "cannot be combined with job_ids: say one of the two",
        )),
    }
}

fn ids_of(texts: &[String]) -> Result<Vec<JobId>, ApiError> {
    if texts.len() > MAX_IDS {
        let problem = format!("has {} entries; the limit is {MAX_IDS}", texts.len());
        return Err(ApiError::invalid_field("job_ids", problem));
    }
    let id = |(index, text): (usize, &String)| {
        text.parse().map_err(|_| {
            let problem = format!("{text:?} is not a job id, which is a UUID");
            ApiError::invalid_field(&format!("job_ids[{index}]"), problem)
        })
    };
    texts.iter().enumerate().map(id).collect()
}

#[tonic::async_trait]
impl v1::dead_letter_service_server::DeadLetterService for DeadLetters {
    async fn list(
        &self,
        request: Request<v1::ListDeadLettersRequest>,
    ) -> Result<Response<v1::ListDeadLettersResponse>, Status> {
        Principal::of(&request)?;
        let page = self.list_page(request.into_inner()).await?;
        Ok(Response::new(page))
    }

    async fn get(
        &self,
        request: Request<v1::GetDeadLetterRequest>,
    ) -> Result<Response<v1::DeadLetter>, Status> {
        Principal::of(&request)?;
        let letter = self.get_one(&request.get_ref().job_id).await?;
        Ok(Response::new(letter))
    }

    async fn replay(
        &self,
        request: Request<v1::ReplayDeadLetterRequest>,
    ) -> Result<Response<v1::SubmitResponse>, Status> {
        Principal::of(&request)?;
        let answer = replay::replay(&self.parts, request).await?;
        Ok(Response::new(answer))
    }

    async fn purge(
        &self,
        request: Request<v1::PurgeDeadLettersRequest>,
    ) -> Result<Response<v1::PurgeDeadLettersResponse>, Status> {
        Principal::of(&request)?;
        let purged = self.purge_some(request.into_inner()).await?;
        Ok(Response::new(v1::PurgeDeadLettersResponse { purged }))
    }
}
