use drover_model::{JobId, Timestamp};
use sqlx::PgPool;
use uuid::Uuid;

use super::pool::{Borrowed, STATEMENT_LIMIT, within};
use crate::store::{
    DeadLetterQuery, JobSummary, Purge, StoreError,
    names::Names,
    queries::{self, PURGE_BATCH, page},
    rows::{count_of_page, job_columns, summary},
};

const PAGE: &str = page!(
    from "dead_letters d JOIN jobs j ON j.id = d.job_id",
    namespace "d.namespace", id "d.job_id", queue "d.queue", also "true"
);

const PURGE_JOBS: &str =
    "DELETE FROM dead_letters WHERE namespace = $1 AND job_id = ANY ($2::uuid[])";

const PURGE_ENDED: &str = "DELETE FROM dead_letters WHERE job_id IN ( \
        SELECT job_id FROM dead_letters WHERE namespace = $1 AND ended_at < $2 LIMIT $3)";

pub(super) async fn page(
    pool: &PgPool,
    query: &DeadLetterQuery,
) -> Result<Vec<JobSummary>, StoreError> {
    let mut connection = Borrowed::of(pool).await?;
    let rows = sqlx::query(PAGE)
        .bind(&*query.namespace)
        .bind(query.before.map_or(Uuid::max(), |id| id.0))
        .bind(query.queue.as_deref())
        .bind(i64::from(query.limit))
        .fetch_all(&mut *connection)
        .await?;
    connection.give_back();
    let mut names = Names::default();
    rows.iter().map(|row| summary(row, &mut names)).collect()
}

pub(super) async fn contains(pool: &PgPool, job: JobId) -> Result<bool, StoreError> {
    let mut connection = Borrowed::of(pool).await?;
    let contains = sqlx::query_scalar(queries::IS_DEAD_LETTER)
        .bind(job.0)
        .fetch_one(&mut *connection)
        .await?;
    connection.give_back();
    Ok(contains)
}

pub(super) async fn purge(pool: &PgPool, purge: &Purge) -> Result<u64, StoreError> {
    match purge {
        Purge::Jobs { namespace, jobs } => {
            within(STATEMENT_LIMIT, purge_jobs(pool, namespace, jobs)).await
        }
        Purge::EndedBefore { namespace, time } => {
            let mut purged = 0;
            loop {
                let batch = within(STATEMENT_LIMIT, purge_ended(pool, namespace, *time)).await?;
                purged += batch;
                if batch < u64::from(PURGE_BATCH) {
                    return Ok(purged);
                }
            }
        }
    }
}

async fn purge_jobs(pool: &PgPool, namespace: &str, jobs: &[JobId]) -> Result<u64, StoreError> {
    let ids: Vec<Uuid> = jobs.iter().map(|job| job.0).collect();
    let mut connection = Borrowed::of(pool).await?;
    let deleted = sqlx::query(PURGE_JOBS)
        .bind(namespace)
        .bind(ids)
        .execute(&mut *connection)
        .await?;
    connection.give_back();
    Ok(deleted.rows_affected())
}

async fn purge_ended(pool: &PgPool, namespace: &str, time: Timestamp) -> Result<u64, StoreError> {
    let mut connection = Borrowed::of(pool).await?;
    let deleted = sqlx::query(PURGE_ENDED)
        .bind(namespace)
        .bind(time.0)
        .bind(i64::from(PURGE_BATCH))
        .execute(&mut *connection)
        .await?;
    connection.give_back();
    Ok(deleted.rows_affected())
}
