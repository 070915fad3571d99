use std::time::Duration;

use drover_model::Epoch;
use sqlx::PgPool;

use crate::store::{
    Acquired, Lease, StoreError,
    lease::{LeaseColumns, milliseconds},
    rows::{narrowed, stored},
};

/// FOR UPDATE: waits until a commit in flight has ended, also one whose client is gone, and sees what it left.
const LOCK: &str = "SELECT epoch, turn, holder, model_time, \
    floor(extract(epoch FROM expires_at - clock_timestamp()) * 1000)::bigint AS remaining_ms \
    FROM lease WHERE id = 1 FOR UPDATE";

/// One statement, so that a coordinator that freezes here leaves no transaction open that locks the row.
const TAKE: &str = "UPDATE lease SET epoch = epoch + 1, holder = $1, \
    expires_at = clock_timestamp() + $2 * interval '1 millisecond' \
    WHERE id = 1 AND (holder IN ('', $1) OR expires_at <= clock_timestamp()) RETURNING epoch";

const RESIGN: &str =
    "UPDATE lease SET holder = '', expires_at = 'epoch' WHERE id = 1 AND epoch = $1";

pub(super) async fn acquire(
    pool: &PgPool,
    holder: &str,
    term: Duration,
) -> Result<Acquired, StoreError> {
    loop {
        let taken: Option<i64> = sqlx::query_scalar(TAKE)
            .bind(holder)
            .bind(milliseconds(term))
            .fetch_optional(pool)
            .await?;
        if let Some(epoch) = taken {
            let epoch = Epoch(narrowed("lease", "epoch", epoch)?);
            return Ok(Acquired::Leader { epoch });
        }
        // It may have become free between the two statements; then it is worth another try.
        if let Some(held) = locked(pool).await?.held_against(holder) {
            return Ok(held);
        }
    }
}

/// The row once no commit is in flight.
pub(super) async fn settled(pool: &PgPool) -> Result<Lease, StoreError> {
    locked(pool).await?.into_lease()
}

pub(super) async fn resign(pool: &PgPool, epoch: Epoch) -> Result<(), StoreError> {
    let epoch: i64 = stored("epoch", epoch.0)?;
    sqlx::query(RESIGN).bind(epoch).execute(pool).await?;
    Ok(())
}

async fn locked(pool: &PgPool) -> Result<LeaseColumns, StoreError> {
    Ok(sqlx::query_as(LOCK).fetch_one(pool).await?)
}
