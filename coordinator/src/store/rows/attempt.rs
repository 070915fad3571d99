use drover_model::{AttemptRow, AttemptState, JobId, Rate, Timestamp};

use super::{super::names::Names, Place};
use crate::store::{StoreError, StoredJob, cells::Cells};

/// What [`attempt`] reads, in this order. `a` must name the attempts.
macro_rules! attempt_columns {
    () => {
        "a.job_id, a.task, a.attempt, a.state, a.node, a.assigned_at, a.started_at, a.ended_at, a.exit_code, \
         a.message, a.retry_at, a.decision, a.cost_per_hour_micros, a.power_milliwatts"
    };
}
pub(in crate::store) use attempt_columns;

/// From [`attempt_columns`].
pub(in crate::store) fn attempt(
    row: &impl Cells,
    names: &mut Names,
) -> Result<AttemptRow, StoreError> {
    let job = row.uuid(0)?;
    let place = Place::of_job("attempts", JobId(job));
    Ok(AttemptRow {
        key: place.key(job, row.integer(1)?, row.integer(2)?)?,
        from: None,
        state: place.named("state", row.text(3)?, AttemptState::from_name)?,
        node: names.keep(row.text(4)?),
        assigned_at: Timestamp(row.big(5)?),
        started_at: row.optional_big(6)?.map(Timestamp),
        ended_at: row.optional_big(7)?.map(Timestamp),
        exit_code: row.optional_integer(8)?,
        message: row.optional_text(9)?.map(Into::into),
        retry_at: row.optional_big(10)?.map(Timestamp),
        decision: row.optional_text(11)?.map(Into::into),
        rate: Rate {
            cost_per_hour_micros: place.narrowed("cost_per_hour_micros", row.big(12)?)?,
            power_milliwatts: place.narrowed("power_milliwatts", row.big(13)?)?,
        },
    })
}

/// Hands attempts, which come in order of job, to their jobs, which stand in that order.
pub(in crate::store) struct AttemptsOfJobs<'a> {
    jobs: std::slice::IterMut<'a, StoredJob>,
    current: Option<&'a mut StoredJob>,
}

impl<'a> AttemptsOfJobs<'a> {
    pub(in crate::store) fn new(jobs: &'a mut [StoredJob]) -> Self {
        let mut jobs = jobs.iter_mut();
        let current = jobs.next();
        Self { jobs, current }
    }

    pub(in crate::store) fn add(&mut self, attempt: AttemptRow) -> Result<(), StoreError> {
        while let Some(job) = &mut self.current {
            if job.row.id == attempt.key.job {
                job.attempts.push(attempt);
                return Ok(());
            }
            self.current = self.jobs.next();
        }
        let job = attempt.key.job;
        Err(Place::of_job("attempts", job).corrupt("job_id", &job))
    }
}
