//! What callers read, of either database.

use bytes::Bytes;
use drover_model::{AttemptKey, AttemptRow, JobId, QueueRow, TurnNumber};

use super::{
    DeadLetter, DeadLetterQuery, JobQuery, JobSummary, LogRow, StoreError, StoredJob,
    cells::Cells as _,
    lease,
    names::Names,
    queries,
    reader::{Dialect, Reader, Value},
    rows::{Place, attempt, job as job_row, log, queue, stored, summary},
};

/// All of it from one transaction.
pub(super) async fn job(
    mut reader: impl Reader,
    id: JobId,
) -> Result<(TurnNumber, Option<StoredJob>), StoreError> {
    let lease = reader.rows(queries::TURN, vec![]).await?;
    let turn = match lease.first() {
        Some(row) => lease::turn(row.big(0)?)?,
        None => return Err(Place::in_table("lease").corrupt("id", &"none")),
    };
    let found = reader.rows(queries::JOB, vec![Value::Id(id)]).await?;
    let Some(row) = found.first() else {
        return Ok((turn, None));
    };
    let mut names = Names::default();
    let mut job = job_row(row, &mut names)?;
    let attempts = reader.rows(queries::ATTEMPTS_OF_JOB, vec![Value::Id(id)]);
    for row in &attempts.await? {
        job.attempts.push(attempt(row, &mut names)?);
    }
    Ok((turn, Some(job)))
}

pub(super) async fn jobs<R: Reader>(
    mut reader: R,
    query: &JobQuery,
) -> Result<Vec<JobSummary>, StoreError> {
    let sql = if queries::only_open(&query.states) {
        R::Row::OPEN_JOBS
    } else {
        R::Row::JOBS
    };
    let values = vec![
        Value::Text(&query.namespace),
        Value::before(query.before),
        Value::OptionalText(query.queue.as_deref()),
        Value::Big(query.limit.into()),
        Value::Texts(query.states.iter().map(|state| state.as_str()).collect()),
    ];
    let mut names = Names::default();
    let rows = reader.rows(sql, values).await?;
    rows.iter().map(|row| summary(row, &mut names)).collect()
}

pub(super) async fn successes(
    mut reader: impl Reader,
    limit: u32,
) -> Result<Vec<AttemptRow>, StoreError> {
    let mut names = Names::default();
    let rows = reader.rows(queries::SUCCESSES, vec![Value::Big(limit.into())]);
    let rows = rows.await?;
    rows.iter().map(|row| attempt(row, &mut names)).collect()
}

pub(super) async fn stored_specs<R: Reader>(
    mut reader: R,
    jobs: &[JobId],
) -> Result<Vec<(JobId, Bytes)>, StoreError> {
    let rows = reader.rows(R::Row::SPECS, vec![Value::Ids(jobs.to_vec())]);
    let rows = rows.await?;
    let spec = |row: &R::Row| Ok((JobId(row.uuid(0)?), Bytes::copy_from_slice(row.bytes(1)?)));
    rows.iter().map(spec).collect()
}

pub(super) async fn queues(
    mut reader: impl Reader,
    namespace: &str,
) -> Result<Vec<QueueRow>, StoreError> {
    let values = vec![Value::Text(namespace)];
    let rows = reader.rows(queries::QUEUES, values).await?;
    rows.iter().map(queue).collect()
}

pub(super) async fn dead_letters<R: Reader>(
    mut reader: R,
    query: &DeadLetterQuery,
) -> Result<Vec<DeadLetter>, StoreError> {
    let values = vec![
        Value::Text(&query.namespace),
        Value::before(query.before),
        Value::OptionalText(query.queue.as_deref()),
        Value::Big(query.limit.into()),
    ];
    let mut names = Names::default();
    let mut letters = Vec::new();
    for row in &reader.rows(queries::DEAD_LETTERS, values).await? {
        letters.push(DeadLetter {
            job: summary(row, &mut names)?,
            failed: Vec::new(),
        });
    }
    if letters.is_empty() {
        return Ok(letters);
    }
    let jobs = letters.iter().map(|letter| letter.job.row.id).collect();
    let values = vec![Value::Ids(jobs)];
    let mut failed = Vec::new();
    for row in &reader.rows(R::Row::FIRST_FAILURES, values).await? {
        match attempt(row, &mut names) {
            Ok(attempt) => failed.push(attempt),
            // A job is parked for that, among others, and says so itself.
            Err(StoreError::Corrupt { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    hand_out(failed, &mut letters);
    Ok(letters)
}

/// Both are in the order of their jobs.
fn hand_out(attempts: Vec<AttemptRow>, letters: &mut [DeadLetter]) {
    let mut attempts = attempts.into_iter().peekable();
    for letter in letters {
        let is_its_own = |attempt: &AttemptRow| attempt.key.job == letter.job.row.id;
        while let Some(attempt) = attempts.next_if(is_its_own) {
            letter.failed.push(attempt);
        }
    }
}

pub(super) async fn is_dead_letter(
    mut reader: impl Reader,
    job: JobId,
) -> Result<bool, StoreError> {
    let values = vec![Value::Id(job)];
    let found = reader.rows(queries::DEAD_LETTER, values).await?;
    Ok(!found.is_empty())
}

pub(super) async fn logs(
    mut reader: impl Reader,
    key: AttemptKey,
    offset: u64,
    limit: u32,
) -> Result<Vec<LogRow>, StoreError> {
    let mut values = key_values(key)?;
    values.extend([
        Value::Big(stored("offset", offset)?),
        Value::Big(limit.into()),
    ]);
    let rows = reader.rows(queries::LOGS, values).await?;
    rows.iter().map(log).collect()
}

pub(super) async fn log_tail(
    mut reader: impl Reader,
    key: AttemptKey,
    limit: u32,
) -> Result<Vec<LogRow>, StoreError> {
    let mut values = key_values(key)?;
    values.push(Value::Big(limit.into()));
    let newest_first = reader.rows(queries::LAST_LOGS, values).await?;
    newest_first.iter().rev().map(log).collect()
}

fn key_values(key: AttemptKey) -> Result<Vec<Value<'static>>, StoreError> {
    Ok(vec![
        Value::Id(key.job),
        Value::Integer(stored("task", key.task)?),
        Value::Integer(stored("attempt", key.attempt)?),
    ])
}
