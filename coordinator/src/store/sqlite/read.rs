use std::sync::Arc;

use drover_model::{JobId, TurnNumber};
use sqlx::SqlitePool;

use super::{batch::Batch, writer::Writer};
use crate::store::{
    FoundRequest, StoreError, StoredJob, queries, reads,
    rows::{Place, found_requests},
};

const FIND_REQUESTS: &str = "SELECT l.turn, f.namespace, f.request_id, f.id, f.spec FROM lease l LEFT JOIN ( \
        SELECT j.namespace, j.request_id, j.id, j.spec \
        FROM jsonb_each($1) wanted \
        CROSS JOIN jobs j ON j.namespace = wanted.value ->> 0 AND j.request_id = wanted.value ->> 1 \
    ) f ON true WHERE l.id = 1";

/// One transaction: its statements see the same committed turn.
pub(super) async fn job(
    readers: &SqlitePool,
    id: JobId,
) -> Result<(TurnNumber, Option<StoredJob>), StoreError> {
    let mut transaction = readers.begin().await?;
    reads::job(&mut *transaction, id).await
}

pub(super) async fn find_requests(
    readers: &SqlitePool,
    requests: &[(Arc<str>, Arc<str>)],
) -> Result<(TurnNumber, Vec<FoundRequest>), StoreError> {
    let mut wanted = Batch::new();
    for (namespace, request_id) in requests {
        wanted.push(&[&**namespace, &**request_id]);
    }
    let rows = sqlx::query_as(FIND_REQUESTS)
        .bind(wanted.into_json())
        .fetch_all(readers)
        .await?;
    found_requests(rows)
}

/// Asks the connection that writes: its settings are what counts.
pub(super) async fn describe(writer: &Writer) -> Result<Vec<(String, String)>, StoreError> {
    let mut writer = writer.borrow().await?;
    let version: String = sqlx::query_scalar("SELECT sqlite_version()")
        .fetch_one(&mut *writer)
        .await?;
    let journal_mode: String = sqlx::query_scalar("PRAGMA journal_mode")
        .fetch_one(&mut *writer)
        .await?;
    let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous")
        .fetch_one(&mut *writer)
        .await?;
    let synchronous = match synchronous {
        0 => "off".to_owned(),
        1 => "normal".to_owned(),
        2 => "full".to_owned(),
        3 => "extra".to_owned(),
        other => other.to_string(),
    };
    writer.give_back();
    Ok(vec![
        ("store".to_owned(), "sqlite".to_owned()),
        ("version".to_owned(), version),
        ("journal_mode".to_owned(), journal_mode),
        ("synchronous".to_owned(), synchronous),
    ])
}

pub(super) async fn count_succeeded(readers: &SqlitePool) -> Result<u64, StoreError> {
    let count: i64 = sqlx::query_scalar(queries::COUNT_SUCCEEDED)
        .fetch_one(readers)
        .await?;
    Place::in_table("attempts").narrowed("count", count)
}
