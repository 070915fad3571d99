use drover_model::EstimateRow;

use super::Place;
use crate::store::{StoreError, cells::Cells};

/// What [`estimate`] reads, in this order.
macro_rules! estimate_columns {
    () => {
        "signature, node, learned"
    };
}
pub(in crate::store) use estimate_columns;

/// From [`estimate_columns`].
pub(in crate::store) fn estimate(row: &impl Cells) -> Result<EstimateRow, StoreError> {
    let node = row.text(1)?;
    Ok(EstimateRow {
        signature: row.big(0)?.cast_unsigned(),
        node: (!node.is_empty()).then(|| node.into()),
        learned: Place::in_table("estimates").parsed("learned", row.text(2)?)?,
    })
}
