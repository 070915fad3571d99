use std::sync::Arc;

use drover_model::{JobId, QueueRow, TurnNumber};
use sqlx::{Connection, PgPool};
use uuid::Uuid;

use super::pool::Borrowed;
use crate::store::{
    FoundRequest, JobQuery, JobSummary, StoreError, StoredJob, lease,
    names::Names,
    queries::{self, page},
    rows::{
        Place, QueueColumns, attempt, count_of_page, found_requests, job as job_row, job_columns,
        summary,
    },
};

/// Begins a transaction in which every statement sees the same committed turn.
pub(super) const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

pub(super) const LEASE: &str =
    "SELECT epoch, turn, holder, model_time, 0::bigint AS remaining_ms FROM lease WHERE id = 1";

const FIND_REQUESTS: &str = "SELECT l.turn, f.namespace, f.request_id, f.id, f.spec FROM lease l LEFT JOIN ( \
        SELECT j.namespace, j.request_id, j.id, j.spec \
        FROM (SELECT unnest($1::text[]) AS namespace, unnest($2::text[]) AS request_id) wanted \
        JOIN jobs j ON j.namespace = wanted.namespace AND j.request_id = wanted.request_id \
    ) f ON true WHERE l.id = 1";

const PAGE: &str = page!(
    from "jobs j", namespace "j.namespace", id "j.id", queue "j.queue",
    also "($5 = '{}' OR j.state = ANY ($5))"
);
const PAGE_OF_OPEN: &str = page!(
    from "open_jobs o JOIN jobs j ON j.id = o.id", namespace "j.namespace", id "j.id", queue "j.queue",
    also "j.state = ANY ($5)"
);

const SETTINGS: &str = "SELECT name, setting FROM pg_settings WHERE name IN \
    ('fsync', 'full_page_writes', 'server_version', 'synchronous_commit', 'wal_sync_method') ORDER BY name";

pub(super) async fn job(
    pool: &PgPool,
    id: JobId,
) -> Result<(TurnNumber, Option<StoredJob>), StoreError> {
    let mut connection = Borrowed::of(pool).await?;
    let mut transaction = connection.begin_with(SNAPSHOT).await?;
    let turn: i64 = sqlx::query_scalar(queries::TURN)
        .fetch_one(&mut *transaction)
        .await?;
    let row = sqlx::query(queries::JOB)
        .bind(id.0)
        .fetch_optional(&mut *transaction)
        .await?;
    let attempts = match row {
        Some(_) => {
            sqlx::query(queries::ATTEMPTS_OF_JOB)
                .bind(id.0)
                .fetch_all(&mut *transaction)
                .await?
        }
        None => Vec::new(),
    };
    transaction.commit().await?;
    connection.give_back();
    let mut names = Names::default();
    let mut job = row.map(|row| job_row(&row, &mut names)).transpose()?;
    if let Some(job) = &mut job {
        job.attempts = attempts
            .iter()
            .map(|row| attempt(row, &mut names))
            .collect::<Result<_, _>>()?;
    }
    Ok((lease::turn(turn)?, job))
}

pub(super) async fn jobs(pool: &PgPool, query: &JobQuery) -> Result<Vec<JobSummary>, StoreError> {
    let states: Vec<&str> = query.states.iter().map(|state| state.as_str()).collect();
    let sql = if queries::only_open(&query.states) {
        PAGE_OF_OPEN
    } else {
        PAGE
    };
    let mut connection = Borrowed::of(pool).await?;
    let rows = sqlx::query(sql)
        .bind(&*query.namespace)
        .bind(query.before.map_or(Uuid::max(), |id| id.0))
        .bind(query.queue.as_deref())
        .bind(i64::from(query.limit))
        .bind(states)
        .fetch_all(&mut *connection)
        .await?;
    connection.give_back();
    let mut names = Names::default();
    rows.iter().map(|row| summary(row, &mut names)).collect()
}

pub(super) async fn find_requests(
    pool: &PgPool,
    requests: &[(Arc<str>, Arc<str>)],
) -> Result<(TurnNumber, Vec<FoundRequest>), StoreError> {
    let namespaces: Vec<&str> = requests.iter().map(|(namespace, _)| &**namespace).collect();
    let request_ids: Vec<&str> = requests
        .iter()
        .map(|(_, request_id)| &**request_id)
        .collect();
    let mut connection = Borrowed::of(pool).await?;
    let rows = sqlx::query_as(FIND_REQUESTS)
        .bind(namespaces)
        .bind(request_ids)
        .fetch_all(&mut *connection)
        .await?;
    connection.give_back();
    found_requests(rows)
}

pub(super) async fn queues(pool: &PgPool, namespace: &str) -> Result<Vec<QueueRow>, StoreError> {
    let mut connection = Borrowed::of(pool).await?;
    let rows: Vec<QueueColumns> = sqlx::query_as(queries::QUEUES)
        .bind(namespace)
        .fetch_all(&mut *connection)
        .await?;
    connection.give_back();
    Ok(rows.into_iter().map(QueueColumns::into_queue).collect())
}

pub(super) async fn describe(pool: &PgPool) -> Result<Vec<(String, String)>, StoreError> {
    let mut facts = vec![("store".to_owned(), "postgres".to_owned())];
    facts.extend(
        sqlx::query_as::<_, (String, String)>(SETTINGS)
            .fetch_all(pool)
            .await?,
    );
    Ok(facts)
}

/// Reads the whole table, however long that takes.
pub(super) async fn count_succeeded(pool: &PgPool) -> Result<u64, StoreError> {
    let mut transaction = pool.begin_with(SNAPSHOT).await?;
    sqlx::raw_sql("SET LOCAL statement_timeout = 0")
        .execute(&mut *transaction)
        .await?;
    let count: i64 = sqlx::query_scalar(queries::COUNT_SUCCEEDED)
        .fetch_one(&mut *transaction)
        .await?;
    Place::in_table("attempts").narrowed("count", count)
}
