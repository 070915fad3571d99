//! Pages of jobs.

use std::sync::Arc;

use drover_model::JobState;
use drover_proto::{job, v1};

use super::{
    jobs::unreadable,
    pages::{Page, namespace, refuse_nul},
};
use crate::{
    clock,
    error::ApiError,
    store::{JobQuery, JobSummary, Store},
};

pub(super) async fn list(
    store: &dyn Store,
    request: v1::ListJobsRequest,
) -> Result<v1::ListJobsResponse, ApiError> {
    let page = Page::read(
        request.page_size,
        &request.page_token,
        (&request.namespace, &request.queue, &request.states),
    )?;
    refuse_nul("queue", &request.queue)?;
    let query = JobQuery {
        namespace: namespace(&request.namespace)?.into(),
        states: states(&request)?,
        queue: (!request.queue.is_empty()).then(|| Arc::from(request.queue.as_str())),
        before: page.before,
        limit: page.limit(),
    };
    let mut found = store.jobs(&query).await?;
    let next_page_token = page.cut(&mut found, |found| found.row.id);
    let jobs = found.iter().map(summary).collect::<Result<_, _>>()?;
    Ok(v1::ListJobsResponse {
        jobs,
        next_page_token,
    })
}

pub(super) fn summary(found: &JobSummary) -> Result<v1::Job, ApiError> {
    let mut job = job::summary(&found.row, &found.fixed, clock::wall())
        .map_err(|error| unreadable(&error))?;
    let total = found.fixed.task_count;
    job.counts = Some(v1::TaskCounts {
        total,
        active: found.active,
        succeeded: found.succeeded,
        // What an ended job never ran has no attempt to be counted by.
        unsuccessful: if found.row.state.is_final() {
            total.saturating_sub(found.succeeded)
        } else {
            found.unsuccessful
        },
    });
    Ok(job)
}

fn states(request: &v1::ListJobsRequest) -> Result<Vec<JobState>, ApiError> {
    let state = |(index, state): (usize, v1::JobState)| {
        job::job_state_to_model(state).ok_or_else(|| {
            ApiError::invalid_field(&format!("states[{index}]"), "is not the state of a job")
        })
    };
    request.states().enumerate().map(state).collect()
}
