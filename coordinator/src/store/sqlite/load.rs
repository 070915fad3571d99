use drover_model::Epoch;
use sqlx::SqlitePool;

use crate::store::{StoreError, StoredSnapshot, lease::LeaseColumns, load, queries::LEASE};

pub(super) async fn load(readers: &SqlitePool, epoch: Epoch) -> Result<StoredSnapshot, StoreError> {
    let mut transaction = readers.begin().await?;
    let lease: LeaseColumns = sqlx::query_as(LEASE).fetch_one(&mut *transaction).await?;
    lease.require(epoch)?;
    load::load(&mut *transaction, &lease).await
}
