use sqlx::FromRow;
use uuid::Uuid;

use super::Place;
use crate::store::{LogRow, StoreError};

macro_rules! log_columns {
    () => {
        "job_id, task, attempt, start_offset, stream, length, data, is_end"
    };
}
pub(in crate::store) use log_columns;

#[derive(FromRow)]
pub(in crate::store) struct LogColumns {
    job_id: Uuid,
    task: i32,
    attempt: i32,
    start_offset: i64,
    stream: i16,
    length: i64,
    data: Vec<u8>,
    is_end: bool,
}

impl LogColumns {
    pub(in crate::store) fn into_log(self) -> Result<LogRow, StoreError> {
        let place = Place::in_table("log_chunks");
        Ok(LogRow {
            key: place.key(self.job_id, self.task, self.attempt)?,
            offset: place.narrowed("start_offset", self.start_offset)?,
            stream: place.narrowed("stream", self.stream)?,
            length: place.narrowed("length", self.length)?,
            data: self.data.into(),
            end: self.is_end,
        })
    }
}
