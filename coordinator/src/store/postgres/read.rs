use std::sync::Arc;

use drover_model::{Epoch, JobId, TurnNumber};
use futures_util::TryStreamExt;
use sqlx::{PgPool, Postgres, Transaction};
use uuid::Uuid;

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
    "SELECT epoch, turn, holder, model_time, 0::bigint AS remaining_ms FROM lease WHERE id = 1";

const FIND_REQUESTS: &str = "SELECT l.turn, f.namespace, f.request_id, f.id, f.spec FROM lease l LEFT JOIN ( \
        SELECT j.namespace, j.request_id, j.id, j.spec \
        FROM (SELECT unnest($1::text[]) AS namespace, unnest($2::text[]) AS request_id) wanted \
        JOIN jobs j ON j.namespace = wanted.namespace AND j.request_id = wanted.request_id \
    ) f ON true WHERE l.id = 1";

const PAGE: &str = page!("jobs j", "($5 = '{}' OR j.state = ANY ($5))");
const PAGE_OF_OPEN: &str = page!(
    "open_jobs o JOIN jobs j ON j.id = o.id",
    "j.state = ANY ($5)"
);

const SETTINGS: &str = "SELECT name, setting FROM pg_settings WHERE name IN \
    ('fsync', 'full_page_writes', 'server_version', 'synchronous_commit', 'wal_sync_method') ORDER BY name";

/// Every statement in it sees the same committed turn.
async fn snapshot(pool: &PgPool) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await
}

pub(super) async fn load(pool: &PgPool, epoch: Epoch) -> Result<StoredSnapshot, StoreError> {
    let mut transaction = snapshot(pool).await?;
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
    pool: &PgPool,
    id: JobId,
) -> Result<(TurnNumber, Option<StoredJob>), StoreError> {
    let mut transaction = snapshot(pool).await?;
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

pub(super) async fn jobs(pool: &PgPool, query: &JobQuery) -> Result<Vec<JobSummary>, StoreError> {
    let states: Vec<&str> = query.states.iter().map(|state| state.as_str()).collect();
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
        .bind(states)
        .fetch_all(pool)
        .await?;
    rows.into_iter().map(SummaryColumns::into_summary).collect()
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
    let rows = sqlx::query_as(FIND_REQUESTS)
        .bind(namespaces)
        .bind(request_ids)
        .fetch_all(pool)
        .await?;
    found_requests(rows)
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

pub(super) async fn count_succeeded(pool: &PgPool) -> Result<u64, StoreError> {
    let count: i64 = sqlx::query_scalar(queries::COUNT_SUCCEEDED)
        .fetch_one(pool)
        .await?;
    narrowed("attempts", "count", count)
}
