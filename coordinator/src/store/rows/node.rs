use std::collections::BTreeMap;

use drover_model::{NodeRow, Resources, Timestamp};
use sqlx::FromRow;

use super::Place;
use crate::store::StoreError;

macro_rules! node_columns {
    () => {
        "name, incarnation, agent_version, cpu_millis, memory_bytes, gpus, disk_bytes, labels, joined_at"
    };
}
pub(in crate::store) use node_columns;

#[derive(FromRow)]
pub(in crate::store) struct NodeColumns {
    name: String,
    incarnation: i64,
    agent_version: String,
    cpu_millis: i64,
    memory_bytes: i64,
    gpus: i64,
    disk_bytes: i64,
    labels: String,
    joined_at: i64,
}

impl NodeColumns {
    pub(in crate::store) fn into_node(self) -> Result<NodeRow, StoreError> {
        let place = Place::in_table("nodes");
        let labels: BTreeMap<String, String> =
            serde_json::from_str(&self.labels).map_err(|error| place.corrupt("labels", &error))?;
        Ok(NodeRow {
            name: self.name.into(),
            incarnation: place.narrowed("incarnation", self.incarnation)?,
            agent_version: self.agent_version.into(),
            capacity: Resources {
                cpu_millis: place.narrowed("cpu_millis", self.cpu_millis)?,
                memory_bytes: place.narrowed("memory_bytes", self.memory_bytes)?,
                gpus: place.narrowed("gpus", self.gpus)?,
                disk_bytes: place.narrowed("disk_bytes", self.disk_bytes)?,
            },
            labels,
            joined_at: Timestamp(self.joined_at),
        })
    }
}

pub(in crate::store) fn labels_json(node: &NodeRow) -> String {
    serde_json::to_value(&node.labels)
        .expect("a map of strings is a JSON object")
        .to_string()
}
