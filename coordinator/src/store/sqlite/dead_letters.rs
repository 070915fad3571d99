use drover_model::{JobId, Timestamp};

use super::{batches, writer::Writer};
use crate::store::{
    Purge, StoreError,
    queries::{PURGE_BATCH, PURGE_ENDED},
};

const PURGE_JOBS: &str = "DELETE FROM dead_letters WHERE namespace = $1 \
    AND job_id IN (SELECT unhex(value ->> 0) FROM jsonb_each($2))";

pub(super) async fn purge(writer: &Writer, purge: &Purge) -> Result<u64, StoreError> {
    match purge {
        Purge::Jobs { namespace, jobs } => purge_jobs(writer, namespace, jobs).await,
        Purge::EndedBefore { namespace, time } => {
            let mut purged = 0;
            loop {
                let batch = purge_ended(writer, namespace, *time).await?;
                purged += batch;
                if batch < u64::from(PURGE_BATCH) {
                    return Ok(purged);
                }
            }
        }
    }
}

async fn purge_jobs(writer: &Writer, namespace: &str, jobs: &[JobId]) -> Result<u64, StoreError> {
    let mut connection = writer.borrow().await?;
    let deleted = sqlx::query(PURGE_JOBS)
        .bind(namespace)
        .bind(batches::ids(jobs.iter().copied()).into_json())
        .execute(&mut *connection)
        .await?;
    connection.give_back();
    Ok(deleted.rows_affected())
}

async fn purge_ended(writer: &Writer, namespace: &str, time: Timestamp) -> Result<u64, StoreError> {
    let mut connection = writer.borrow().await?;
    let deleted = sqlx::query(PURGE_ENDED)
        .bind(namespace)
        .bind(time.0)
        .bind(i64::from(PURGE_BATCH))
        .execute(&mut *connection)
        .await?;
    connection.give_back();
    Ok(deleted.rows_affected())
}
