use std::sync::Arc;

use drover_model::{JobId, QueueRow, TurnNumber};
use sqlx::{Sqlite, SqlitePool, Transaction};
use uuid::Uuid;

use super::{batch::Batch, writer::Writer};
use crate::store::{
    FoundRequest, JobQuery, JobSummary, StoreError, StoredJob, lease,
    names::Names,
    queries::{self, page},
    rows::{
        Place, QueueColumns, attempt, count_of_page, found_requests, job as job_row, job_columns,
        summary,
    },
};

pub(super) const LEASE: &str =
    "SELECT epoch, turn, holder, model_time, 0 AS remaining_ms FROM lease WHERE id = 1";

const FIND_REQUESTS: &str = "SELECT l.turn, f.namespace, f.request_id, f.id, f.spec FROM lease l LEFT JOIN ( \
        SELECT j.namespace, j.request_id, j.id, j.spec \
        FROM json_each($1) wanted \
        CROSS JOIN jobs j ON j.namespace = wanted.value ->> 0 AND j.request_id = wanted.value ->> 1 \
    ) f ON true WHERE l.id = 1";

const PAGE: &str = page!(
    from "jobs j", namespace "j.namespace", id "j.id", queue "j.queue",
    also "($5 = '[]' OR j.state IN (SELECT value FROM json_each($5)))"
);
const PAGE_OF_OPEN: &str = page!(
    from "open_jobs o JOIN jobs j ON j.id = o.id", namespace "j.namespace", id "j.id", queue "j.queue",
    also "j.state IN (SELECT value FROM json_each($5))"
);

/// Every statement in it sees the same committed turn.
pub(super) async fn snapshot(
    readers: &SqlitePool,
) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
    readers.begin().await
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
    let Some(row) = sqlx::query(queries::JOB)
        .bind(id.0)
        .fetch_optional(&mut *transaction)
        .await?
    else {
        return Ok((turn, None));
    };
    let mut names = Names::default();
    let mut job = job_row(&row, &mut names)?;
    job.attempts = sqlx::query(queries::ATTEMPTS_OF_JOB)
        .bind(id.0)
        .fetch_all(&mut *transaction)
        .await?
        .iter()
        .map(|row| attempt(row, &mut names))
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
    let rows = sqlx::query(sql)
        .bind(&*query.namespace)
        .bind(query.before.map_or(Uuid::max(), |id| id.0))
        .bind(query.queue.as_deref())
        .bind(i64::from(query.limit))
        .bind(states.into_json())
        .fetch_all(readers)
        .await?;
    let mut names = Names::default();
    rows.iter().map(|row| summary(row, &mut names)).collect()
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

pub(super) async fn queues(
    readers: &SqlitePool,
    namespace: &str,
) -> Result<Vec<QueueRow>, StoreError> {
    let rows: Vec<QueueColumns> = sqlx::query_as(queries::QUEUES)
        .bind(namespace)
        .fetch_all(readers)
        .await?;
    Ok(rows.into_iter().map(QueueColumns::into_queue).collect())
}

/// Asks the connection that writes: its settings are what counts.
pub(super) async fn describe(writer: &Writer) -> Result<Vec<(String, String)>, StoreError> {
    let mut writer = writer.borrow().await?;
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
    writer.give_back();
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
    Place::in_table("attempts").narrowed("count", count)
}
