use std::time::Duration;

use drover_model::Epoch;
use sqlx::{PgConnection, PgPool};

use super::pool::Borrowed;
use crate::store::{
    Acquired, Applicant, Lease, StoreError,
    lease::{LeaseColumns, milliseconds},
    rows::{Place, stored},
};

/// Locks nothing and waits for nobody: what a standby asks all the time.
const READ: &str = "SELECT epoch, turn, holder, instance, model_time, \
    floor(extract(epoch FROM expires_at - clock_timestamp()) * 1000)::bigint AS remaining_ms \
    FROM lease WHERE id = 1";

/// Waits until a commit in flight has ended, also one whose client is gone, and sees what it left.
const LOCK: &str = "SELECT epoch, turn, holder, instance, model_time, \
    floor(extract(epoch FROM expires_at - clock_timestamp()) * 1000)::bigint AS remaining_ms \
    FROM lease WHERE id = 1 FOR UPDATE";

/// Ends what keeps the row locked and waits for its client. A statement that was executed keeps its locks until the client
/// says that this was all, and neither `statement_timeout` nor `idle_in_transaction_session_timeout` ends that wait (seen
/// with PostgreSQL 15; `transaction_timeout` of 17 would). What still executes is left to its own limits, and so are other
/// users, who do not show what they wait for.
const END_STUCK: &str = "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid) \
    WHERE datname = current_database() AND relation = 'lease'::regclass AND granted \
    AND mode IN ('RowShareLock', 'RowExclusiveLock') AND wait_event = 'ClientRead' \
    AND xact_start < clock_timestamp() - $1 * interval '1 millisecond'";

/// One statement, so that a coordinator that freezes here leaves no transaction open that locks the row.
const TAKE: &str = "UPDATE lease SET epoch = epoch + 1, holder = $1, instance = $2, \
    expires_at = clock_timestamp() + $3 * interval '1 millisecond' \
    WHERE id = 1 AND (holder = '' OR expires_at <= clock_timestamp() OR holder = $1 AND ($4 OR instance = $2)) \
    RETURNING epoch";

const RESIGN: &str =
    "UPDATE lease SET holder = '', expires_at = 'epoch' WHERE id = 1 AND epoch = $1";

pub(super) async fn acquire(
    pool: &PgPool,
    applicant: &Applicant,
    term: Duration,
) -> Result<Acquired, StoreError> {
    let mut connection = Borrowed::of(pool).await?;
    let acquired = loop {
        let row: LeaseColumns = sqlx::query_as(READ).fetch_one(&mut *connection).await?;
        if let Some(held) = row.held_against(applicant)? {
            break held;
        }
        end_stuck(&mut connection, term).await?;
        // It may have been renewed or taken between the statements; then it is worth another look.
        let taken: Option<i64> = sqlx::query_scalar(TAKE)
            .bind(&*applicant.address)
            .bind(applicant.instance)
            .bind(milliseconds(term))
            .bind(applicant.succeeds)
            .fetch_optional(&mut *connection)
            .await?;
        if let Some(epoch) = taken {
            let epoch = Epoch(Place::in_table("lease").narrowed("epoch", epoch)?);
            break Acquired::Leader { epoch };
        }
    };
    connection.give_back();
    Ok(acquired)
}

/// The lease has ended, and the server gives up a commit at half of its term: what is older is nobody's any more.
async fn end_stuck(connection: &mut PgConnection, term: Duration) -> Result<(), StoreError> {
    let ended: Vec<bool> = sqlx::query_scalar(END_STUCK)
        .bind(milliseconds(term / 2))
        .fetch_all(connection)
        .await?;
    if !ended.is_empty() {
        let connections = ended.len();
        tracing::warn!(
            connections,
            "ended what kept the lease locked beyond its term"
        );
    }
    Ok(())
}

/// The row once no commit is in flight.
pub(super) async fn settled(pool: &PgPool) -> Result<Lease, StoreError> {
    let mut connection = Borrowed::of(pool).await?;
    let row: LeaseColumns = sqlx::query_as(LOCK).fetch_one(&mut *connection).await?;
    connection.give_back();
    row.into_lease()
}

pub(super) async fn resign(pool: &PgPool, epoch: Epoch) -> Result<(), StoreError> {
    let epoch: i64 = stored("epoch", epoch.0)?;
    let mut connection = Borrowed::of(pool).await?;
    sqlx::query(RESIGN)
        .bind(epoch)
        .execute(&mut *connection)
        .await?;
    connection.give_back();
    Ok(())
}
