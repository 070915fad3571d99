use std::collections::BTreeMap;

use drover_model::{NodeRow, Resources, Timestamp};

use super::Place;
use crate::store::{StoreError, cells::Cells};

/// What [`node`] reads, in this order.
macro_rules! node_columns {
    () => {
        "name, incarnation, agent_version, cpu_millis, memory_bytes, gpus, disk_bytes, labels, joined_at"
    };
}
pub(in crate::store) use node_columns;

/// From [`node_columns`].
pub(in crate::store) fn node(row: &impl Cells) -> Result<NodeRow, StoreError> {
    let place = Place::in_table("nodes");
    let labels: BTreeMap<String, String> =
        serde_json::from_str(row.text(7)?).map_err(|error| place.corrupt("labels", &error))?;
    Ok(NodeRow {
        name: row.text(0)?.into(),
        incarnation: place.narrowed("incarnation", row.big(1)?)?,
        agent_version: row.text(2)?.into(),
        capacity: Resources {
            cpu_millis: place.narrowed("cpu_millis", row.big(3)?)?,
            memory_bytes: place.narrowed("memory_bytes", row.big(4)?)?,
            gpus: place.narrowed("gpus", row.big(5)?)?,
            disk_bytes: place.narrowed("disk_bytes", row.big(6)?)?,
        },
        labels,
        joined_at: Timestamp(row.big(8)?),
    })
}

pub(in crate::store) fn labels_json(node: &NodeRow) -> String {
    serde_json::to_value(&node.labels)
        .expect("a map of strings is a JSON object")
        .to_string()
}
