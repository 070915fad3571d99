use drover_model::{Epoch, JobId, Timestamp};
use sqlx::{Connection, Sqlite, Transaction};

use super::{batches, commit, lease::BEGIN, writer::Writer};
use crate::store::{StoreError, lease::LeaseColumns, queries::LEASE};

const CLOSE: &str = "DELETE FROM open_jobs WHERE id = $1";

/// An intent that waits for nothing: whatever has not ended shows as cancelled, also `finally` tasks, and undo steps as not
/// done. The caller's clock may be behind.
const END: &str = "UPDATE jobs SET \
    state = CASE WHEN state = 'rolling_back' OR intent = 'roll_back' THEN 'rollback_failed' ELSE 'failed' END, \
    intent = 'abandon', \
    ended_at = max($2, submitted_at, coalesce(started_at, submitted_at)), message = $3 WHERE id = $1";

const LOSE: &str = "UPDATE attempts SET state = 'lost', \
    ended_at = coalesce(ended_at, max($2, assigned_at, coalesce(started_at, assigned_at))) WHERE job_id = $1 \
    AND state NOT IN ('succeeded', 'failed', 'timed_out', 'cancelled', 'lost', 'expired', 'requeued')";

pub(super) async fn park(
    writer: &Writer,
    epoch: Epoch,
    job: JobId,
    now: Timestamp,
    reason: &str,
) -> Result<bool, StoreError> {
    let mut connection = writer.borrow().await?;
    let mut transaction = connection.begin_with(BEGIN).await?;
    let row: LeaseColumns = sqlx::query_as(LEASE).fetch_one(&mut *transaction).await?;
    row.require(epoch)?;
    let parked = end(&mut transaction, job, now, reason).await?;
    if parked {
        lose_attempts(&mut transaction, job, now).await?;
    }
    transaction.commit().await?;
    connection.give_back();
    Ok(parked)
}

async fn end(
    transaction: &mut Transaction<'_, Sqlite>,
    job: JobId,
    now: Timestamp,
    reason: &str,
) -> Result<bool, StoreError> {
    let closed = sqlx::query(CLOSE)
        .bind(job.0)
        .execute(&mut **transaction)
        .await?;
    if closed.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query(END)
        .bind(job.0)
        .bind(now.0)
        .bind(reason)
        .execute(&mut **transaction)
        .await?;
    sqlx::query(commit::BURY_JOBS)
        .bind(batches::ids([job]).into_json())
        .execute(&mut **transaction)
        .await?;
    Ok(true)
}

/// They may be what is broken, and must not keep the job open.
async fn lose_attempts(
    transaction: &mut Transaction<'_, Sqlite>,
    job: JobId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let lost = sqlx::query(LOSE)
        .bind(job.0)
        .bind(now.0)
        .execute(&mut **transaction)
        .await;
    match lost.map_err(StoreError::from) {
        Err(error) if commit::is_about_content(&error) => {
            tracing::warn!(%job, %error, "attempts of a parked job stay as they are");
            Ok(())
        }
        other => other.map(|_| ()),
    }
}
