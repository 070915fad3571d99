//! Which submits are repeated.

use drover_model::Submitted;
use drover_proto::v1;
use prost::Message as _;
use rustc_hash::FxHashMap;

use super::{Candidate, RequestKey, key};
use crate::{
    error::{ApiError, Code},
    store::FoundRequest,
};

/// The job that an earlier call with this request id has made.
pub(super) fn recognise(
    candidate: &Candidate,
    known: &FxHashMap<RequestKey, FoundRequest>,
) -> Result<Option<Submitted>, ApiError> {
    let Some(found) = key(&candidate.job).and_then(|key| known.get(&key)) else {
        return Ok(None);
    };
    if found.stored_spec != candidate.job.stored_spec && !was_asked(candidate, &found.stored_spec) {
        return Err(ApiError::new(
            Code::RequestIdReused,
            format!(
                "request_id `{}` was used for job {}, which is different",
                found.request_id, found.job
            ),
        ));
    }
    Ok(Some(Submitted {
        job: found.job,
        duplicate: true,
    }))
}

/// Whether the stored job is what was asked for, filled in with what the queue gave at the time: what a task leaves open
/// may be anything that a queue can give.
fn was_asked(candidate: &Candidate, stored_spec: &[u8]) -> bool {
    let asked = match &candidate.asked {
        Some(asked) => Ok(asked.clone()),
        None => v1::JobSpec::decode(candidate.job.stored_spec.clone()),
    };
    let (Ok(mut asked), Ok(stored)) = (asked, v1::JobSpec::decode(stored_spec)) else {
        return false;
    };
    if asked.tasks.len() != stored.tasks.len() {
        return false;
    }
    asked.may_preempt = stored.may_preempt;
    for (task, stored) in asked.tasks.iter_mut().zip(&stored.tasks) {
        if task.retry.is_none() {
            task.retry.clone_from(&stored.retry);
        }
        task.timeout = task.timeout.or(stored.timeout);
        task.start_timeout = task.start_timeout.or(stored.start_timeout);
        task.grace = task.grace.or(stored.grace);
        if task.on_disconnect == 0 {
            task.on_disconnect = stored.on_disconnect;
        }
    }
    asked == stored
}
