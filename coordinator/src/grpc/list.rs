//! Pages of jobs.

use std::{
    hash::{Hash as _, Hasher as _},
    sync::Arc,
};

use drover_model::{JobId, JobState};
use drover_proto::{job, spec::DEFAULT_NAME, v1};
use rustc_hash::FxHasher;

use super::jobs::unreadable;
use crate::{
    clock,
    error::ApiError,
    store::{JobQuery, JobSummary, Store},
};

const DEFAULT_PAGE: u32 = 50;
const MAX_PAGE: u32 = 1_000;

pub(super) async fn list(
    store: &dyn Store,
    request: v1::ListJobsRequest,
) -> Result<v1::ListJobsResponse, ApiError> {
    let page_size = match request.page_size {
        0 => DEFAULT_PAGE,
        size => size.min(MAX_PAGE),
    };
    let filters = fingerprint(&request);
    let namespace = match request.namespace.as_str() {
        "" => DEFAULT_NAME,
        namespace => namespace,
    };
    refuse_nul("namespace", namespace)?;
    refuse_nul("queue", &request.queue)?;
    let query = JobQuery {
        namespace: namespace.into(),
        states: states(&request)?,
        queue: (!request.queue.is_empty()).then(|| Arc::from(request.queue.as_str())),
        before: read_token(&request.page_token, filters)?,
        // One more tells whether another page follows.
        limit: page_size + 1,
    };
    let mut found = store.jobs(&query).await?;
    let more = found.len() > page_size as usize;
    found.truncate(page_size as usize);
    let next_page_token = match found.last() {
        Some(last) if more => write_token(last.row.id, filters),
        _ => String::new(),
    };
    let jobs = found.iter().map(summary).collect::<Result<_, _>>()?;
    Ok(v1::ListJobsResponse {
        jobs,
        next_page_token,
    })
}

fn summary(found: &JobSummary) -> Result<v1::Job, ApiError> {
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

fn refuse_nul(field: &str, text: &str) -> Result<(), ApiError> {
    if text.contains('\0') {
        return Err(ApiError::invalid_field(field, "holds a NUL byte"));
    }
    Ok(())
}

/// Of what must stay the same from page to page.
fn fingerprint(request: &v1::ListJobsRequest) -> u64 {
    let mut hasher = FxHasher::default();
    (&request.namespace, &request.queue, &request.states).hash(&mut hasher);
    hasher.finish()
}

fn write_token(last: JobId, filters: u64) -> String {
    format!("{:032x}{filters:016x}", last.0.as_u128())
}

fn read_token(token: &str, filters: u64) -> Result<Option<JobId>, ApiError> {
    if token.is_empty() {
        return Ok(None);
    }
    let wrong = |problem: &str| ApiError::invalid_field("page_token", problem);
    if token.len() != 48 || !token.is_ascii() {
        return Err(wrong("is not a token that this coordinator gave out"));
    }
    let (last, expected) = token.split_at(32);
    match (
        u128::from_str_radix(last, 16),
        u64::from_str_radix(expected, 16),
    ) {
        (Ok(last), Ok(expected)) if expected == filters => Ok(Some(JobId::from_u128(last))),
        (Ok(_), Ok(_)) => Err(wrong(
            "belongs to a list with other filters; start again without it",
        )),
        _ => Err(wrong("is not a token that this coordinator gave out")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_hold_for_their_own_filters_only() {
        let one = v1::ListJobsRequest {
            queue: "a".to_owned(),
            page_size: 5,
            ..Default::default()
        };
        let resized = v1::ListJobsRequest {
            page_size: 9,
            ..one.clone()
        };
        let other = v1::ListJobsRequest {
            queue: "b".to_owned(),
            ..one.clone()
        };
        let last = JobId::from_u128(0x1234);
        let token = write_token(last, fingerprint(&one));
        assert_eq!(read_token(&token, fingerprint(&resized)), Ok(Some(last)));
        assert!(read_token(&token, fingerprint(&other)).is_err());
        assert_eq!(read_token("", 0), Ok(None));
        for wrong in ["x", "ä".repeat(24).as_str(), "g".repeat(48).as_str()] {
            assert!(read_token(wrong, 0).is_err());
        }
    }
}
