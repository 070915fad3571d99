use std::time::Duration;

use drover_model::Epoch;
use sqlx::{Connection, SqliteConnection, SqlitePool};

use super::writer::Writer;
use crate::store::{
    Acquired, Applicant, Lease, StoreError,
    lease::{LeaseColumns, milliseconds},
    rows::stored,
};

/// Takes the write lock at once: a transaction that read first and then wanted to write could be refused.
pub(super) const BEGIN: &str = "BEGIN IMMEDIATE";

const READ: &str = "SELECT epoch, turn, holder, instance, model_time, \
    expires_at - CAST(unixepoch('subsec') * 1000 AS INTEGER) AS remaining_ms FROM lease WHERE id = 1";

const TAKE: &str = "UPDATE lease SET epoch = epoch + 1, holder = $1, instance = $2, \
    expires_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) + $3 WHERE id = 1";

const RESIGN: &str = "UPDATE lease SET holder = '', expires_at = 0 WHERE id = 1 AND epoch = $1";

pub(super) async fn acquire(
    writer: &Writer,
    readers: &SqlitePool,
    applicant: &Applicant,
    term: Duration,
) -> Result<Acquired, StoreError> {
    let seen: LeaseColumns = sqlx::query_as(READ).fetch_one(readers).await?;
    if let Some(held) = seen.held_against(applicant)? {
        return Ok(held);
    }
    let mut connection = writer.borrow().await?;
    let acquired = take(&mut connection, applicant, term).await?;
    connection.give_back();
    Ok(acquired)
}

/// Looks once more, now that nobody else can write.
async fn take(
    connection: &mut SqliteConnection,
    applicant: &Applicant,
    term: Duration,
) -> Result<Acquired, StoreError> {
    let mut transaction = connection.begin_with(BEGIN).await?;
    let row: LeaseColumns = sqlx::query_as(READ).fetch_one(&mut *transaction).await?;
    let epoch = row.epoch()?;
    if let Some(held) = row.held_against(applicant)? {
        return Ok(held);
    }
    sqlx::query(TAKE)
        .bind(&*applicant.address)
        .bind(applicant.instance)
        .bind(milliseconds(term))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(Acquired::Leader {
        epoch: Epoch(epoch.0 + 1),
    })
}

/// The row once no commit is in flight, also none that was given up but whose connection is still at it.
pub(super) async fn settled(writer: &Writer) -> Result<Lease, StoreError> {
    let mut connection = writer.borrow().await?;
    let mut transaction = connection.begin_with(BEGIN).await?;
    let row: LeaseColumns = sqlx::query_as(READ).fetch_one(&mut *transaction).await?;
    transaction.rollback().await?;
    connection.give_back();
    row.into_lease()
}

pub(super) async fn resign(writer: &Writer, epoch: Epoch) -> Result<(), StoreError> {
    let epoch: i64 = stored("epoch", epoch.0)?;
    let mut connection = writer.borrow().await?;
    sqlx::query(RESIGN)
        .bind(epoch)
        .execute(&mut *connection)
        .await?;
    connection.give_back();
    Ok(())
}
