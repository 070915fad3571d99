use crate::store::{LogRow, StoreError, cells::Cells};

use super::Place;

/// What [`log`] reads, in this order.
macro_rules! log_columns {
    () => {
        "job_id, task, attempt, start_offset, stream, length, data, is_end"
    };
}
pub(in crate::store) use log_columns;

/// From [`log_columns`].
pub(in crate::store) fn log(row: &impl Cells) -> Result<LogRow, StoreError> {
    let place = Place::in_table("log_chunks");
    Ok(LogRow {
        key: place.key(row.uuid(0)?, row.integer(1)?, row.integer(2)?)?,
        offset: place.narrowed("start_offset", row.big(3)?)?,
        stream: place.narrowed("stream", row.small(4)?)?,
        length: place.narrowed("length", row.big(5)?)?,
        data: bytes::Bytes::copy_from_slice(row.bytes(6)?),
        end: row.truth(7)?,
    })
}
