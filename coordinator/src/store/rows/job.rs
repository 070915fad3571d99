use bytes::Bytes;
use drover_model::{Intent, JobId, JobRow, JobState, NewJobRow, Timestamp};

use super::{super::names::Names, Place};
use crate::store::{JobSummary, StoreError, StoredJob, cells::Cells};

/// What [`job`] reads, in this order. `j` must name the jobs.
macro_rules! job_columns {
    () => {
        "j.id, j.namespace, j.name, j.queue, j.priority, j.state, j.intent, j.submitted_at, j.started_at, j.ended_at, \
         j.deadline, j.message, j.request_id, j.traceparent, j.task_count, j.spec, j.replay_of"
    };
}

/// Counts the tasks of the jobs in `page` by their last attempts, undo steps included: what is undone has not succeeded.
macro_rules! count_of_page {
    () => {
        "SELECT a.job_id, \
           sum(CASE WHEN a.state IN ('assigned', 'running', 'stopping', 'stopping_timeout', 'stopping_requeue') \
                    THEN 1 ELSE 0 END) AS active, \
           sum(CASE WHEN a.state = 'succeeded' AND a.task < page.task_count THEN 1 ELSE 0 END) AS succeeded, \
           sum(CASE WHEN a.state IN ('failed', 'timed_out', 'cancelled', 'lost', 'expired') AND a.retry_at IS NULL \
                      OR a.state = 'succeeded' AND a.task >= page.task_count \
                    THEN 1 ELSE 0 END) AS unsuccessful \
         FROM page JOIN attempts a ON a.job_id = page.id \
         WHERE NOT EXISTS (SELECT 1 FROM attempts n \
                           WHERE n.job_id = a.job_id AND n.task = a.task AND n.attempt > a.attempt) \
           AND NOT EXISTS (SELECT 1 FROM attempts u \
                           WHERE u.job_id = a.job_id AND u.task = a.task + page.task_count) \
         GROUP BY a.job_id"
    };
}
pub(in crate::store) use {count_of_page, job_columns};

const COUNT_OF_JOB_COLUMNS: usize = 17;

/// From [`job_columns`], without its attempts.
pub(in crate::store) fn job(row: &impl Cells, names: &mut Names) -> Result<StoredJob, StoreError> {
    let id = JobId(row.uuid(0)?);
    let place = Place::of_job("jobs", id);
    let changing = JobRow {
        id,
        from: None,
        state: place.named("state", row.text(5)?, JobState::from_name)?,
        intent: place.named("intent", row.text(6)?, Intent::from_name)?,
        started_at: row.optional_big(8)?.map(Timestamp),
        ended_at: row.optional_big(9)?.map(Timestamp),
        message: row.optional_text(11)?.map(Into::into),
        new: None,
    };
    let fixed = NewJobRow {
        namespace: names.keep(row.text(1)?),
        name: names.keep(row.text(2)?),
        queue: names.keep(row.text(3)?),
        priority: place.narrowed("priority", row.small(4)?)?,
        submitted_at: Timestamp(row.big(7)?),
        deadline: row.optional_big(10)?.map(Timestamp),
        request_id: row.optional_text(12)?.map(Into::into),
        traceparent: row.optional_text(13)?.map(Into::into),
        task_count: place.narrowed("task_count", row.integer(14)?)?,
        stored_spec: Bytes::copy_from_slice(row.bytes(15)?),
        replay_of: row.optional_uuid(16)?.map(JobId),
    };
    Ok(StoredJob {
        row: changing,
        fixed,
        attempts: Vec::new(),
    })
}

/// From [`job_columns`], then the columns of [`count_of_page`].
pub(in crate::store) fn summary(
    row: &impl Cells,
    names: &mut Names,
) -> Result<JobSummary, StoreError> {
    let StoredJob {
        row: changing,
        fixed,
        ..
    } = job(row, names)?;
    let place = Place::of_job("attempts", changing.id);
    let count = |nth| place.narrowed("count", row.big(COUNT_OF_JOB_COLUMNS + nth)?);
    Ok(JobSummary {
        active: count(0)?,
        succeeded: count(1)?,
        unsuccessful: count(2)?,
        row: changing,
        fixed,
    })
}

/// The jobs that these rows end as dead.
pub(in crate::store) fn died(rows: &[JobRow]) -> impl Iterator<Item = JobId> {
    rows.iter()
        .filter(|row| row.state.is_dead() && row.from.is_none_or(|from| !from.is_final()))
        .map(|row| row.id)
}
