use std::sync::Arc;

use drover_model::{Epoch, JobId, TurnNumber};
use futures_util::TryStreamExt;
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};
use uuid::Uuid;

use super::batch::Batch;
use crate::store::{
    FoundRequest, JobQuery, JobSummary, StoreError, StoredJob, StoredSnapshot,
    lease::{self, LeaseColumns},
    queries::{self, page},
    rows::{
        AttemptColumns, AttemptsOfJobs, JobColumns, NodeColumns, SummaryColumns, count_of_page,
        found_requests, job_columns, narrowed,
    },
};

const LEASE: &str =
    "SELECT epoch, turn, holder, model_time, 0 AS remaining_ms FROM lease WHERE id = 1";

const FIND_REQUESTS: &str = "SELECT l.turn, f.namespace, f.request_id, f.id, f.spec FROM lease l LEFT JOIN ( \
        SELECT j.namespace, j.request_id, j.id, j.spec \
        FROM json_each($1) wanted \
        CROSS JOIN jobs j ON j.namespace = wanted.value ->> 0 AND j.request_id = wanted.value ->> 1 \
    ) f ON true WHERE l.id = 1";

const PAGE: &str = page!(
    "jobs j",
    "($5 = '[]' OR j.state IN (SELECT value FROM json_each($5)))"
);
const PAGE_OF_OPEN: &str = page!(
    "open_jobs o JOIN jobs j ON j.id = o.id",
    "j.state IN (SELECT value FROM json_each($5))"
);

/// Every statement in it sees the same committed turn.
async fn snapshot(readers: &SqlitePool) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
    readers.begin().await
}

pub(super) async fn load(readers: &SqlitePool, epoch: Epoch) -> Result<StoredSnapshot, StoreError> {
    let mut transaction = snapshot(readers).await?;
    let lease: LeaseColumns = sqlx::query_as(LEASE).fetch_one(&mut *transaction).await?;
    lease.require(epoch)?;
    let nodes = sqlx::query_as(queries::NODES)
        .fetch(&mut *transaction)
        .err_into()
        .and_then(async |columns: NodeColumns| columns.into_node())
        .try_collect()
        .await?;
    let mut jobs: Vec<StoredJob> = sqlx::query_as(queries::OPEN_JOBS)
        .fetch(&mut *transaction)
        .err_into()
        .and_then(async |columns: JobColumns| columns.into_job())
        .try_collect()
        .await?;
    let mut attempts_of_jobs = AttemptsOfJobs::new(&mut jobs);
    let mut attempts = sqlx::query_as(queries::ATTEMPTS_OF_OPEN_JOBS).fetch(&mut *transaction);
    while let Some(columns) = attempts.try_next().await? {
        attempts_of_jobs.add(columns)?;
    }
    Ok(StoredSnapshot {
        turn: lease.turn()?,
        model_time: lease.model_time(),
        nodes,
        jobs,
    })
}

pub(super) async fn job(
    readers: &SqlitePool,
    id: JobId,
) -> Result<(TurnNumber, Option<StoredJob>), StoreError> {
    let mut transaction = snapshot(readers).await?;
    let turn: i64 = sqlx::query_scalar(queries::TURN)
        .fetch_one(&mut *transaction)
        .await?;
    let turn = lease::turn(turn)?;
    let Some(columns) = sqlx::query_as::<_, JobColumns>(queries::JOB)
        .bind(id.0)
        .fetch_optional(&mut *transaction)
        .await?
    else {
        return Ok((turn, None));
    };
    let attempts: Vec<AttemptColumns> = sqlx::query_as(queries::ATTEMPTS_OF_JOB)
        .bind(id.0)
        .fetch_all(&mut *transaction)
        .await?;
    let mut job = columns.into_job()?;
    job.attempts = attempts
        .into_iter()
        .map(AttemptColumns::into_attempt)
        .collect::<Result<_, _>>()?;
    Ok((turn, Some(job)))
}

pub(super) async fn jobs(
    readers: &SqlitePool,
    query: &JobQuery,
) -> Result<Vec<JobSummary>, StoreError> {
    let mut states = Batch::new();
    for state in &query.states {
        states.push(&state.as_str());
    }
    let sql = if queries::only_open(&query.states) {
        PAGE_OF_OPEN
    } else {
        PAGE
    };
    let rows: Vec<SummaryColumns> = sqlx::query_as(sql)
        .bind(&*query.namespace)
        .bind(query.before.map_or(Uuid::max(), |id| id.0))
        .bind(query.queue.as_deref())
        .bind(i64::from(query.limit))
        .bind(states.into_json())
        .fetch_all(readers)
        .await?;
    rows.into_iter().map(SummaryColumns::into_summary).collect()
}

pub(super) async fn find_requests(
    readers: &SqlitePool,
    requests: &[(Arc<str>, Arc<str>)],
) -> Result<(TurnNumber, Vec<FoundRequest>), StoreError> {
    let mut wanted = Batch::new();
    for (namespace, request_id) in requests {
        wanted.push(&[&**namespace, &**request_id]);
    }
    let rows = sqlx::query_as(FIND_REQUESTS)
        .bind(wanted.into_json())
        .fetch_all(readers)
        .await?;
    found_requests(rows)
}

/// Asks the connection that writes: its settings are what counts.
pub(super) async fn describe(
    writer: &mut SqliteConnection,
) -> Result<Vec<(String, String)>, StoreError> {
    let version: String = sqlx::query_scalar("SELECT sqlite_version()")
        .fetch_one(&mut *writer)
        .await?;
    let journal_mode: String = sqlx::query_scalar("PRAGMA journal_mode")
        .fetch_one(&mut *writer)
        .await?;
    let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous")
        .fetch_one(&mut *writer)
        .await?;
    let synchronous = match synchronous {
        0 => "off".to_owned(),
        1 => "normal".to_owned(),
        2 => "full".to_owned(),
        3 => "extra".to_owned(),
        other => other.to_string(),
    };
    Ok(vec![
        ("store".to_owned(), "sqlite".to_owned()),
        ("version".to_owned(), version),
        ("journal_mode".to_owned(), journal_mode),
        ("synchronous".to_owned(), synchronous),
    ])
}

pub(super) async fn count_succeeded(readers: &SqlitePool) -> Result<u64, StoreError> {
    let count: i64 = sqlx::query_scalar(queries::COUNT_SUCCEEDED)
        .fetch_one(readers)
        .await?;
    narrowed("attempts", "count", count)
}
