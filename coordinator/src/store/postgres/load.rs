use drover_model::Epoch;
use sqlx::{Connection, PgPool};

use super::{pool::Borrowed, read::SNAPSHOT};
use crate::store::{StoreError, StoredSnapshot, lease::LeaseColumns, load, queries::LEASE};

/// Rows come in order of their keys, from indices: sorting or hashing a million wide rows would go by way of the disk.
const SETTINGS: &str = "SET LOCAL statement_timeout = 0; SET LOCAL jit = off; \
    SET LOCAL enable_hashjoin = off; SET LOCAL enable_sort = off";

pub(super) async fn load(pool: &PgPool, epoch: Epoch) -> Result<StoredSnapshot, StoreError> {
    let mut connection = Borrowed::of(pool).await?;
    let mut transaction = connection.begin_with(SNAPSHOT).await?;
    let lease: LeaseColumns = sqlx::query_as(LEASE).fetch_one(&mut *transaction).await?;
    lease.require(epoch)?;
    sqlx::raw_sql(SETTINGS).execute(&mut *transaction).await?;
    let loaded = load::load(&mut *transaction, &lease).await?;
    transaction.commit().await?;
    connection.give_back();
    Ok(loaded)
}
