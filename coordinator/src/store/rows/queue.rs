use bytes::Bytes;
use drover_model::QueueRow;

use crate::store::{StoreError, cells::Cells};

/// What [`queue`] reads, in this order.
macro_rules! queue_columns {
    () => {
        "namespace, name, settings"
    };
}
pub(in crate::store) use queue_columns;

/// From [`queue_columns`].
pub(in crate::store) fn queue(row: &impl Cells) -> Result<QueueRow, StoreError> {
    Ok(QueueRow {
        namespace: row.text(0)?.into(),
        name: row.text(1)?.into(),
        settings: Bytes::copy_from_slice(row.bytes(2)?),
    })
}
