use std::{collections::BTreeMap, sync::Arc};

use drover_model::{Admission, NodeRow, Resources, Timestamp};

use super::{Place, json};
use crate::store::{StoreError, cells::Cells};

/// What [`node`] reads, in this order.
macro_rules! node_columns {
    () => {
        "name, incarnation, agent_version, cpu_millis, memory_bytes, gpus, disk_bytes, named_resources, given, \
         overrides, admission, drain_deadline, joined_at"
    };
}
pub(in crate::store) use node_columns;

const TABLE: Place = Place::in_table("nodes");

/// From [`node_columns`].
pub(in crate::store) fn node(row: &impl Cells) -> Result<NodeRow, StoreError> {
    let named: BTreeMap<Arc<str>, u64> = TABLE.parsed("named_resources", row.text(7)?)?;
    Ok(NodeRow {
        name: row.text(0)?.into(),
        incarnation: TABLE.narrowed("incarnation", row.big(1)?)?,
        agent_version: row.text(2)?.into(),
        capacity: Resources {
            cpu_millis: TABLE.narrowed("cpu_millis", row.big(3)?)?,
            memory_bytes: TABLE.narrowed("memory_bytes", row.big(4)?)?,
            gpus: TABLE.narrowed("gpus", row.big(5)?)?,
            disk_bytes: TABLE.narrowed("disk_bytes", row.big(6)?)?,
            named: named.into_iter().collect(),
        },
        given: TABLE.parsed("given", row.text(8)?)?,
        overrides: TABLE.parsed("overrides", row.text(9)?)?,
        admission: admission_of(row.text(10)?, row.optional_big(11)?.map(Timestamp))?,
        joined_at: Timestamp(row.big(12)?),
    })
}

/// The columns of an admission: its name, and when a drain ends.
pub(in crate::store) fn admission(admission: Admission) -> (&'static str, Option<i64>) {
    match admission {
        Admission::Open => ("open", None),
        Admission::Cordoned => ("cordoned", None),
        Admission::Draining { deadline } => ("draining", deadline.map(|at| at.0)),
    }
}

fn admission_of(name: &str, deadline: Option<Timestamp>) -> Result<Admission, StoreError> {
    match name {
        "open" => Ok(Admission::Open),
        "cordoned" => Ok(Admission::Cordoned),
        "draining" => Ok(Admission::Draining { deadline }),
        _ => Err(TABLE.corrupt("admission", &name)),
    }
}

/// As an object of amounts.
pub(in crate::store) fn named_resources(node: &NodeRow) -> String {
    let named = node.capacity.named.iter();
    json(
        &named
            .map(|(name, amount)| (&**name, *amount))
            .collect::<BTreeMap<_, _>>(),
    )
}
