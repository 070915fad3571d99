use drover_model::{JobId, Timestamp};
use sqlx::PgPool;
use uuid::Uuid;

use super::pool::{Borrowed, STATEMENT_LIMIT, within};
use crate::store::{
    Purge, StoreError,
    queries::{PURGE_BATCH, PURGE_ENDED},
};

const PURGE_JOBS: &str =
    "DELETE FROM dead_letters WHERE namespace = $1 AND job_id = ANY ($2::uuid[])";

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
