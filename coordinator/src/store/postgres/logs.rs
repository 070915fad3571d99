use sqlx::PgPool;
use uuid::Uuid;

use super::pool::Borrowed;
use crate::store::{LogRow, StoreError, rows::stored};

const APPEND: &str = "INSERT INTO log_chunks (job_id, task, attempt, start_offset, stream, length, data, is_end) \
    SELECT unnest($1::uuid[]), unnest($2::integer[]), unnest($3::integer[]), unnest($4::bigint[]), \
           unnest($5::smallint[]), unnest($6::bigint[]), unnest($7::bytea[]), unnest($8::boolean[]) \
    ON CONFLICT (job_id, task, attempt, start_offset) DO NOTHING";

pub(super) async fn append(pool: &PgPool, chunks: &[LogRow]) -> Result<(), StoreError> {
    if chunks.is_empty() {
        return Ok(());
    }
    let jobs: Vec<Uuid> = chunks.iter().map(|chunk| chunk.key.job.0).collect();
    let tasks = checked(chunks, |chunk| stored("task", chunk.key.task))?;
    let attempts = checked(chunks, |chunk| stored("attempt", chunk.key.attempt))?;
    let offsets = checked(chunks, |chunk| stored("offset", chunk.offset))?;
    let streams: Vec<i16> = chunks.iter().map(|chunk| i16::from(chunk.stream)).collect();
    let lengths: Vec<i64> = chunks.iter().map(|chunk| i64::from(chunk.length)).collect();
    let data: Vec<&[u8]> = chunks.iter().map(|chunk| chunk.data.as_ref()).collect();
    let ends: Vec<bool> = chunks.iter().map(|chunk| chunk.end).collect();
    let mut connection = Borrowed::of(pool).await?;
    sqlx::query(APPEND)
        .bind(jobs)
        .bind::<Vec<i32>>(tasks)
        .bind::<Vec<i32>>(attempts)
        .bind::<Vec<i64>>(offsets)
        .bind(streams)
        .bind(lengths)
        .bind(data)
        .bind(ends)
        .execute(&mut *connection)
        .await?;
    connection.give_back();
    Ok(())
}

fn checked<T>(
    chunks: &[LogRow],
    column: impl Fn(&LogRow) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    chunks.iter().map(column).collect()
}
