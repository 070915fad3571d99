//! What a task needs of a node.

use drover_proto::v1;

use super::run::Wrong;
use crate::file::shape::{ConstraintsFile, PreferenceFile, ResourcesFile};

pub(super) fn resources(file: ResourcesFile) -> v1::Resources {
    let custom = file.custom.into_iter();
    v1::Resources {
        cpu_millis: file.cpu.map_or(0, |cores| cores.0),
        memory_bytes: file.memory.map_or(0, |bytes| bytes.0),
        gpus: file.gpu.map_or(0, |count| count.0),
        disk_bytes: file.disk.map_or(0, |bytes| bytes.0),
        custom: custom.map(|(name, amount)| (name, amount.0)).collect(),
        gpu_model: file.gpu_model.unwrap_or_default(),
    }
}

pub(super) fn constraints(file: ConstraintsFile) -> Result<v1::Constraints, Wrong> {
    let limit = file.max_latency.map(|span| {
        u32::try_from(span.0.as_millis()).map_err(|_| {
            let field = "constraints.max_latency_ms".to_owned();
            (field, "is longer than any latency; leave it out".to_owned())
        })
    });
    Ok(v1::Constraints {
        require: file.require.unwrap_or_default(),
        prefer: file.prefer.into_iter().map(preference).collect(),
        max_latency_ms: limit.transpose()?,
        avoid_nodes: file.avoid,
    })
}

fn preference(file: PreferenceFile) -> v1::Preference {
    v1::Preference {
        expression: file.expression,
        weight: file.weight.map_or(0, |weight| weight.0),
    }
}
