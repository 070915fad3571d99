//! Nodes of three classes.

use drover_model::{NodeAttributes, NodeClass, Resources};

use super::super::nodes::{GIB, MEMORY_PER_CPU, node_name};
use crate::trace::{NodeFailure, TraceNode};

const MINUTE_MS: f64 = 60_000.0;

/// The smaller gpus are as fast as a core of the cloud is taken to be, the larger twice that.
pub(super) const SMALL_GPU: &str = "small";
pub(super) const LARGE_GPU: &str = "large";

pub(super) const EDGE_SPEED: f64 = 0.5;
pub(super) const LARGE_GPU_SPEED: f64 = 2.0;

/// In milliseconds, from those for whom the nodes work.
const EDGE_LATENCY: u32 = 5;
const CLOUD_LATENCY: u32 = 40;
const LARGE_GPU_LATENCY: u32 = 60;

/// What nodes at the edge keep, and what leaves out the larger gpus only.
pub(super) const NEAR_MS: u32 = 10;
pub(super) const SOON_MS: u32 = 50;

/// What nodes of a class have in common.
struct Class {
    name: &'static str,
    count: u32,
    cpus: u64,
    gpus: u32,
    speed: f64,
    /// Node after node in turn.
    regions: &'static [&'static str],
    attributes: NodeAttributes,
    mean_up_minutes: f64,
    mean_repair_minutes: f64,
}

pub(super) fn nodes() -> Vec<TraceNode> {
    let classes = [edge(), cloud(), small_gpu(), large_gpu()];
    classes.iter().flat_map(Class::nodes).collect()
}

/// All that a node of the larger gpus has.
pub(super) fn large_gpu_node() -> Resources {
    large_gpu().capacity()
}

/// Slow, cheap and near; they fail every few hours.
fn edge() -> Class {
    Class {
        name: "edge",
        count: 12,
        cpus: 4,
        gpus: 0,
        speed: EDGE_SPEED,
        regions: &["east", "north", "south"],
        attributes: attributes(NodeClass::Edge, EDGE_LATENCY, 30_000, 25),
        mean_up_minutes: 180.0,
        mean_repair_minutes: 8.0,
    }
}

fn cloud() -> Class {
    Class {
        name: "cloud",
        count: 8,
        cpus: 32,
        gpus: 0,
        speed: 1.0,
        regions: &["centre"],
        attributes: attributes(NodeClass::Cloud, CLOUD_LATENCY, 1_600_000, 400),
        mean_up_minutes: 6_000.0,
        mean_repair_minutes: 15.0,
    }
}

fn small_gpu() -> Class {
    Class {
        name: "gpu-small",
        count: 2,
        cpus: 16,
        gpus: 4,
        speed: 1.0,
        regions: &["centre"],
        attributes: NodeAttributes {
            gpu_model: Some(SMALL_GPU.into()),
            ..attributes(NodeClass::Gpu, CLOUD_LATENCY, 3_200_000, 700)
        },
        mean_up_minutes: 3_000.0,
        mean_repair_minutes: 30.0,
    }
}

fn large_gpu() -> Class {
    Class {
        name: "gpu-large",
        speed: LARGE_GPU_SPEED,
        attributes: NodeAttributes {
            gpu_model: Some(LARGE_GPU.into()),
            ..attributes(NodeClass::Gpu, LARGE_GPU_LATENCY, 12_000_000, 2_400)
        },
        ..small_gpu()
    }
}

fn attributes(
    class: NodeClass,
    latency_ms: u32,
    cost_per_hour_micros: u64,
    power_watts: u32,
) -> NodeAttributes {
    NodeAttributes {
        class,
        latency_ms,
        cost_per_hour_micros,
        power_watts,
        ..NodeAttributes::default()
    }
}

impl Class {
    fn capacity(&self) -> Resources {
        Resources {
            cpu_millis: self.cpus * 1_000,
            memory_bytes: self.cpus * MEMORY_PER_CPU,
            gpus: self.gpus,
            disk_bytes: self.cpus * 10 * GIB,
            ..Resources::ZERO
        }
    }

    fn nodes(&self) -> Vec<TraceNode> {
        let numbers = (0..self.count).zip(self.regions.iter().cycle());
        numbers
            .map(|(number, region)| TraceNode {
                name: node_name(self.name, number),
                capacity: self.capacity(),
                attributes: NodeAttributes {
                    region: Some((*region).into()),
                    ..self.attributes.clone()
                },
                speed: self.speed,
                failure: Some(NodeFailure {
                    mean_up_ms: self.mean_up_minutes * MINUTE_MS,
                    mean_repair_ms: self.mean_repair_minutes * MINUTE_MS,
                }),
            })
            .collect()
    }
}
