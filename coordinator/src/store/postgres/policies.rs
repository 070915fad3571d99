use drover_model::PolicyEventRow;
use sqlx::{Connection, PgPool};

use super::pool::Borrowed;
use crate::store::{NewPolicy, StoreError, policies};

pub(super) async fn add(
    pool: &PgPool,
    new: &NewPolicy,
    event: &PolicyEventRow,
) -> Result<bool, StoreError> {
    let mut connection = Borrowed::of(pool).await?;
    let mut transaction = connection.begin().await?;
    let added = policies::add(&mut *transaction, new, event).await?;
    transaction.commit().await?;
    connection.give_back();
    Ok(added)
}
