//! What is said of a host besides its capacity: by its agent, and by operators, who are held to the same limits.

use drover_model::{NodeClass, NodeOverrides};

use crate::v1;

/// Labels of one host.
pub(crate) const LABELS: usize = NodeOverrides::MAX_LABELS;

/// Records hold signed 32-bit numbers.
const MAX_LATENCY_MS: u32 = i32::MAX as u32;
/// A thousand million an hour. Sums of costs over years stay far below what 64 bits hold.
const MAX_COST_PER_HOUR_MICROS: u64 = 1_000_000_000_000_000;
const MAX_POWER_WATTS: u32 = 1_000_000_000;

pub(crate) fn latency_problem(latency_ms: u32) -> Option<&'static str> {
    (latency_ms > MAX_LATENCY_MS).then_some("must be at most 2,147,483,647")
}

pub(crate) fn cost_problem(micros: u64) -> Option<&'static str> {
    (micros > MAX_COST_PER_HOUR_MICROS).then_some("must be at most 1,000,000,000,000,000")
}

pub(crate) fn power_problem(watts: u32) -> Option<&'static str> {
    (watts > MAX_POWER_WATTS).then_some("must be at most 1,000,000,000")
}

/// `Ok(None)` when it is not said.
///
/// # Errors
/// When it is none of those that there are.
pub fn class_to_model(class: i32) -> Result<Option<NodeClass>, &'static str> {
    match v1::NodeClass::try_from(class) {
        Ok(v1::NodeClass::Unspecified) => Ok(None),
        Ok(v1::NodeClass::Edge) => Ok(Some(NodeClass::Edge)),
        Ok(v1::NodeClass::Cloud) => Ok(Some(NodeClass::Cloud)),
        Ok(v1::NodeClass::Gpu) => Ok(Some(NodeClass::Gpu)),
        Err(_) => Err("is an unknown class; the classes are EDGE (1), CLOUD (2) and GPU (3)"),
    }
}

pub(crate) fn class_to_wire(class: NodeClass) -> v1::NodeClass {
    match class {
        NodeClass::Edge => v1::NodeClass::Edge,
        NodeClass::Cloud => v1::NodeClass::Cloud,
        NodeClass::Gpu => v1::NodeClass::Gpu,
    }
}
