use std::time::Duration;

use drover_model::Epoch;
use sqlx::{Connection, SqliteConnection};

use crate::store::{
    Acquired, Lease, StoreError,
    lease::{LeaseColumns, milliseconds},
    rows::stored,
};

/// Takes the write lock at once: a transaction that read first and then wanted to write could be refused.
pub(super) const BEGIN: &str = "BEGIN IMMEDIATE";

const READ: &str = "SELECT epoch, turn, holder, model_time, \
    expires_at - CAST(unixepoch('subsec') * 1000 AS INTEGER) AS remaining_ms FROM lease WHERE id = 1";

const TAKE: &str = "UPDATE lease SET epoch = epoch + 1, holder = $1, \
    expires_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) + $2 WHERE id = 1";

const RESIGN: &str = "UPDATE lease SET holder = '', expires_at = 0 WHERE id = 1 AND epoch = $1";

pub(super) async fn acquire(
    writer: &mut SqliteConnection,
    holder: &str,
    term: Duration,
) -> Result<Acquired, StoreError> {
    let mut transaction = writer.begin_with(BEGIN).await?;
    let row: LeaseColumns = sqlx::query_as(READ).fetch_one(&mut *transaction).await?;
    if let Some(held) = row.held_against(holder) {
        return Ok(held);
    }
    sqlx::query(TAKE)
        .bind(holder)
        .bind(milliseconds(term))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(Acquired::Leader {
        epoch: Epoch(row.epoch()?.0 + 1),
    })
}

/// No commit of this process is in flight: it would hold the writer.
pub(super) async fn settled(writer: &mut SqliteConnection) -> Result<Lease, StoreError> {
    let row: LeaseColumns = sqlx::query_as(READ).fetch_one(writer).await?;
    row.into_lease()
}

pub(super) async fn resign(writer: &mut SqliteConnection, epoch: Epoch) -> Result<(), StoreError> {
    let epoch: i64 = stored("epoch", epoch.0)?;
    sqlx::query(RESIGN).bind(epoch).execute(writer).await?;
    Ok(())
}
