use sqlx::Connection;

use super::{lease::BEGIN, writer::Writer};
use crate::store::{LogRow, StoreError, rows::stored};

const APPEND: &str = "INSERT INTO log_chunks (job_id, task, attempt, start_offset, stream, length, data, is_end) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (job_id, task, attempt, start_offset) DO NOTHING";

/// A statement per chunk: chunks are large and few, and their bytes need no detour over text.
pub(super) async fn append(writer: &Writer, chunks: &[LogRow]) -> Result<(), StoreError> {
    if chunks.is_empty() {
        return Ok(());
    }
    let mut connection = writer.borrow().await?;
    let mut transaction = connection.begin_with(BEGIN).await?;
    for chunk in chunks {
        sqlx::query(APPEND)
            .bind(chunk.key.job.0)
            .bind(i64::from(chunk.key.task))
            .bind(i64::from(chunk.key.attempt))
            .bind::<i64>(stored("offset", chunk.offset)?)
            .bind(i64::from(chunk.stream))
            .bind(i64::from(chunk.length))
            .bind(&*chunk.data)
            .bind(chunk.end)
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;
    connection.give_back();
    Ok(())
}
