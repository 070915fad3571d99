//! What users call.

use drover_model::{Answer, Cancellation, JobId, JobView, Question, Refusal, Submitted};
use drover_proto::{job, v1};
use tonic::{Request, Response, Status};

use super::{
    Answers, explain, get_logs, job_id, job_not_found, list, trace_context::traceparent, watch_job,
};
use crate::{
    clock,
    error::{ApiError, Code},
    inbox::Wish,
    principal::Principal,
    server::Parts,
    submit::Candidate,
};

const MAX_BATCH: usize = 1_000;
/// As many as one job may have: a batch is a message that is short, and may mean much.
const MAX_INSTANCES: usize = 100_000;
const MAX_REASON_CHARS: usize = 1_000;

pub(crate) struct Jobs {
    parts: Parts,
}

impl Jobs {
    pub(crate) fn new(parts: Parts) -> Self {
        Self { parts }
    }

    fn compile_batch(
        &self,
        request: &Request<v1::SubmitBatchRequest>,
    ) -> Result<Vec<Candidate>, ApiError> {
        let requests = &request.get_ref().requests;
        if requests.is_empty() {
            return Err(ApiError::invalid_field(
                "requests",
                "a batch needs at least one request",
            ));
        }
        if requests.len() > MAX_BATCH {
            let problem = format!("has {} entries; the limit is {MAX_BATCH}", requests.len());
            return Err(ApiError::invalid_field("requests", problem));
        }
        let traceparent = traceparent(request.metadata());
        let mut jobs = Vec::with_capacity(requests.len());
        let mut problems = Vec::new();
        let mut instances = 0;
        for (index, request) in requests.iter().enumerate() {
            match self.parts.submitter.compile(request, traceparent.clone()) {
                Ok(job) => {
                    instances += job.instances();
                    if instances > MAX_INSTANCES {
                        let problem = format!(
                            "have more than {MAX_INSTANCES} instances of arrays and gangs; send them in several calls"
                        );
                        return Err(ApiError::invalid_field("requests", problem));
                    }
                    jobs.push(job);
                }
                Err(mut violations) => {
                    for violation in &mut violations {
                        violation.field = format!("requests[{index}].{}", violation.field);
                    }
                    problems.append(&mut violations);
                }
            }
        }
        if problems.is_empty() {
            Ok(jobs)
        } else {
            Err(ApiError::invalid(problems))
        }
    }

    async fn get_job(&self, text: &str) -> Result<v1::Job, ApiError> {
        let id = job_id(text)?;
        let (_, stored) = self.parts.store.job(id).await?;
        let stored = stored.ok_or_else(|| job_not_found(id))?;
        let view = if stored.row.state.is_final() {
            None
        } else {
            self.view(id).await
        };
        let record = job::JobRecord {
            row: &stored.row,
            fixed: &stored.fixed,
            attempts: &stored.attempts,
            view: view.as_ref(),
        };
        job::job(record, clock::wall()).map_err(|error| unreadable(&error))
    }

    /// What only the model knows. A record without it is better than none while the coordinator is busy.
    async fn view(&self, id: JobId) -> Option<JobView> {
        match self.parts.senders.ask(Wish::Ask(Question::Job(id))).await {
            Ok(Answer::Job(view)) => view,
            _ => None,
        }
    }

    async fn cancel_job(&self, request: v1::CancelJobRequest) -> Result<(), ApiError> {
        let job = job_id(&request.job_id)?;
        let how = job::cancellation(request.how)
            .map_err(|violation| ApiError::invalid(vec![violation]))?;
        if request.reason.chars().count() > MAX_REASON_CHARS || request.reason.contains('\0') {
            let problem =
                format!("must have at most {MAX_REASON_CHARS} characters and no NUL byte");
            return Err(ApiError::invalid_field("reason", problem));
        }
        let reason = request.reason.into();
        let wish = Wish::Cancel { job, how, reason };
        match self.parts.senders.ask(wish).await {
            Ok(Answer::CancelAccepted) => Ok(()),
            Ok(Answer::Refused(Refusal::AlreadyCancelling(_))) => already_cancelling(job, how),
            Ok(Answer::Refused(Refusal::NotOpen(_))) => {
                let (_, stored) = self.parts.store.job(job).await?;
                let stored = stored.ok_or_else(|| job_not_found(job))?;
                let message = format!("job {job} has ended already: it {}", stored.row.state);
                Err(ApiError::new(Code::JobEnded, message))
            }
            Ok(Answer::Refused(refusal)) => Err(refusal.into()),
            Ok(_) => Err(ApiError::internal()),
            Err(error) => Err(error),
        }
    }
}

/// What was asked for happens, unless it was a rollback: then the job has been abandoned.
fn already_cancelling(job: JobId, how: Cancellation) -> Result<(), ApiError> {
    match how {
        Cancellation::Stop | Cancellation::Abandon => Ok(()),
        Cancellation::RollBack => {
            let message = format!("job {job} is abandoned: nothing of it is rolled back any more");
            Err(ApiError::new(Code::JobEnded, message))
        }
    }
}

pub(super) fn unreadable(error: &prost::DecodeError) -> ApiError {
    tracing::error!(%error, "a stored spec cannot be read");
    ApiError::internal()
}

pub(super) fn response(submitted: &Submitted) -> v1::SubmitResponse {
    v1::SubmitResponse {
        job_id: submitted.job.to_string(),
        duplicate: submitted.duplicate,
    }
}

#[tonic::async_trait]
impl v1::job_service_server::JobService for Jobs {
    type WatchStream = Answers<v1::WatchJobResponse>;
    type GetLogsStream = Answers<v1::LogLine>;

    async fn submit(
        &self,
        request: Request<v1::SubmitRequest>,
    ) -> Result<Response<v1::SubmitResponse>, Status> {
        Principal::of(&request)?;
        let traceparent = traceparent(request.metadata());
        let job = self
            .parts
            .submitter
            .compile(request.get_ref(), traceparent)
            .map_err(ApiError::invalid)?;
        drop(request);
        let submitted = self.parts.submitter.submit(vec![job]).await?;
        let first = submitted.first().ok_or_else(ApiError::internal)?;
        Ok(Response::new(response(first)))
    }

    async fn submit_batch(
        &self,
        request: Request<v1::SubmitBatchRequest>,
    ) -> Result<Response<v1::SubmitBatchResponse>, Status> {
        Principal::of(&request)?;
        let jobs = self.compile_batch(&request)?;
        drop(request);
        let submitted = self.parts.submitter.submit(jobs).await?;
        Ok(Response::new(v1::SubmitBatchResponse {
            responses: submitted.iter().map(response).collect(),
        }))
    }

    async fn get(&self, request: Request<v1::GetJobRequest>) -> Result<Response<v1::Job>, Status> {
        Principal::of(&request)?;
        let job = self.get_job(&request.get_ref().job_id).await?;
        Ok(Response::new(job))
    }

    async fn list(
        &self,
        request: Request<v1::ListJobsRequest>,
    ) -> Result<Response<v1::ListJobsResponse>, Status> {
        Principal::of(&request)?;
        let page = list::list(&*self.parts.store, request.into_inner()).await?;
        Ok(Response::new(page))
    }

    async fn watch(
        &self,
        request: Request<v1::WatchJobRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        Principal::of(&request)?;
        let id = job_id(&request.get_ref().job_id)?;
        let changes = watch_job::watch(&self.parts, id).await?;
        Ok(Response::new(changes))
    }

    async fn cancel(
        &self,
        request: Request<v1::CancelJobRequest>,
    ) -> Result<Response<v1::CancelJobResponse>, Status> {
        Principal::of(&request)?;
        self.cancel_job(request.into_inner()).await?;
        Ok(Response::new(v1::CancelJobResponse {}))
    }

    async fn explain(
        &self,
        request: Request<v1::ExplainRequest>,
    ) -> Result<Response<v1::ExplainResponse>, Status> {
        Principal::of(&request)?;
        let explanation = explain::explain(&self.parts, request.get_ref()).await?;
        Ok(Response::new(explanation))
    }

    async fn get_logs(
        &self,
        request: Request<v1::GetLogsRequest>,
    ) -> Result<Response<Self::GetLogsStream>, Status> {
        Principal::of(&request)?;
        let lines = get_logs::get_logs(&self.parts, request.into_inner()).await?;
        Ok(Response::new(lines))
    }
}
