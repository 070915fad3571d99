use drover_model::{Epoch, JobId, Timestamp};
use sqlx::PgPool;

use super::pool::Borrowed;
use crate::store::{StoreError, lease::LeaseColumns, queries::LEASE, rows::stored};

const PARK: &str = "SELECT park_job($1, $2, $3, $4)";

pub(super) async fn park(
    pool: &PgPool,
    epoch: Epoch,
    job: JobId,
    now: Timestamp,
    reason: &str,
) -> Result<bool, StoreError> {
    let mut connection = Borrowed::of(pool).await?;
    let outcome: String = sqlx::query_scalar(PARK)
        .bind::<i64>(stored("epoch", epoch.0)?)
        .bind(job.0)
        .bind(now.0)
        .bind(reason)
        .fetch_one(&mut *connection)
        .await?;
    if outcome == "fenced" {
        let row: LeaseColumns = sqlx::query_as(LEASE).fetch_one(&mut *connection).await?;
        row.require(epoch)?;
    }
    connection.give_back();
    Ok(outcome == "parked")
}
