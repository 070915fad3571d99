use std::sync::Arc;

use drover_model::{JobId, TurnNumber};
use sqlx::{Connection, PgPool};

use super::pool::Borrowed;
use crate::store::{
    FoundRequest, StoreError, StoredJob, queries, reads,
    rows::{Place, found_requests},
};

/// Begins a transaction in which every statement sees the same committed turn.
pub(super) const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

const FIND_REQUESTS: &str = "SELECT l.turn, f.namespace, f.request_id, f.id, f.spec FROM lease l LEFT JOIN ( \
        SELECT j.namespace, j.request_id, j.id, j.spec \
        FROM (SELECT unnest($1::text[]) AS namespace, unnest($2::text[]) AS request_id) wanted \
        JOIN jobs j ON j.namespace = wanted.namespace AND j.request_id = wanted.request_id \
    ) f ON true WHERE l.id = 1";

const SETTINGS: &str = "SELECT name, setting FROM pg_settings WHERE name IN \
    ('fsync', 'full_page_writes', 'server_version', 'synchronous_commit', 'wal_sync_method') ORDER BY name";

pub(super) async fn job(
    pool: &PgPool,
    id: JobId,
) -> Result<(TurnNumber, Option<StoredJob>), StoreError> {
    let mut connection = Borrowed::of(pool).await?;
    let mut transaction = connection.begin_with(SNAPSHOT).await?;
    let found = reads::job(&mut *transaction, id).await?;
    transaction.commit().await?;
    connection.give_back();
    Ok(found)
}

pub(super) async fn find_requests(
    pool: &PgPool,
    requests: &[(Arc<str>, Arc<str>)],
) -> Result<(TurnNumber, Vec<FoundRequest>), StoreError> {
    let namespaces: Vec<&str> = requests.iter().map(|(namespace, _)| &**namespace).collect();
    let request_ids: Vec<&str> = requests
        .iter()
        .map(|(_, request_id)| &**request_id)
        .collect();
    let mut connection = Borrowed::of(pool).await?;
    let rows = sqlx::query_as(FIND_REQUESTS)
        .bind(namespaces)
        .bind(request_ids)
        .fetch_all(&mut *connection)
        .await?;
    connection.give_back();
    found_requests(rows)
}

pub(super) async fn describe(pool: &PgPool) -> Result<Vec<(String, String)>, StoreError> {
    let mut facts = vec![("store".to_owned(), "postgres".to_owned())];
    facts.extend(
        sqlx::query_as::<_, (String, String)>(SETTINGS)
            .fetch_all(pool)
            .await?,
    );
    Ok(facts)
}

/// Reads the whole table, however long that takes.
pub(super) async fn count_succeeded(pool: &PgPool) -> Result<u64, StoreError> {
    let mut transaction = pool.begin_with(SNAPSHOT).await?;
    sqlx::raw_sql("SET LOCAL statement_timeout = 0")
        .execute(&mut *transaction)
        .await?;
    let count: i64 = sqlx::query_scalar(queries::COUNT_SUCCEEDED)
        .fetch_one(&mut *transaction)
        .await?;
    Place::in_table("attempts").narrowed("count", count)
}
