//! Hosts of every class.

use std::{collections::BTreeMap, sync::Arc};

use drover_model::{NodeAttributes, NodeClass, NodeName, Resources};

use crate::random::Random;

/// What sites count besides, in ascending order.
pub const NAMED: [&str; 2] = ["licence", "port"];

/// Every node has so many.
pub const LEAST_CORES: u64 = 2;

pub const GPU_MODELS: [&str; 2] = ["small", "large"];

pub const REGIONS: [&str; 3] = ["east", "north", "south"];

#[derive(Clone, Debug)]
pub struct AgentSetting {
    pub name: NodeName,
    pub capacity: Resources,
    attributes: NodeAttributes,
}

impl AgentSetting {
    /// The first has most cores, and some of everything.
    pub(super) fn draw(number: u64, random: &mut Random) -> Self {
        let class = match number {
            0 => NodeClass::Gpu,
            1 => NodeClass::Edge,
            2 => NodeClass::Cloud,
            _ => *random.pick(&NodeClass::ALL),
        };
        let cores = if number == 0 {
            8
        } else {
            random.between(LEAST_CORES, 8)
        };
        let gpus = match class {
            NodeClass::Gpu => random.between(1, 2) as u32,
            NodeClass::Edge | NodeClass::Cloud => 0,
        };
        Self {
            name: format!("node-{number}").into(),
            capacity: Resources {
                cpu_millis: cores * 1_000,
                memory_bytes: cores << 30,
                gpus,
                disk_bytes: random.below(3) << 30,
                named: named(number, random),
            },
            attributes: NodeAttributes {
                address: format!("10.0.0.{number}").into(),
                ..attributes(class, gpus, random)
            },
        }
    }

    /// What its agent says of it in its n-th life. One label differs from life to life.
    pub fn attributes(&self, life: u64) -> NodeAttributes {
        let mut attributes = self.attributes.clone();
        let boot = if life.is_multiple_of(2) {
            "even"
        } else {
            "odd"
        };
        attributes.labels.insert("boot".into(), boot.into());
        attributes
    }

    /// What its agent says of it whatever its life is.
    pub fn lasting_attributes(&self) -> &NodeAttributes {
        &self.attributes
    }
}

fn named(number: u64, random: &mut Random) -> Vec<(Arc<str>, u64)> {
    let least = u64::from(number == 0);
    let amounts = NAMED.map(|name| (name.into(), random.between(least, 3)));
    let present = amounts.into_iter().filter(|(_, amount)| *amount > 0);
    present.collect()
}

fn attributes(class: NodeClass, gpus: u32, random: &mut Random) -> NodeAttributes {
    let gpu_model = (gpus > 0).then(|| (*random.pick(&GPU_MODELS)).into());
    NodeAttributes {
        class,
        region: random.chance(850).then(|| (*random.pick(&REGIONS)).into()),
        labels: labels(random),
        latency_ms: random.spread(1, 200) as u32,
        cost_per_hour_micros: random.below(5_000_000),
        power_watts: random.below(1_000) as u32,
        gpu_model,
        ..NodeAttributes::default()
    }
}

fn labels(random: &mut Random) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    if random.chance(800) {
        labels.insert(
            "disk".to_owned(),
            (*random.pick(&["ssd", "hdd"])).to_owned(),
        );
    }
    if random.chance(300) {
        labels.insert("spot".to_owned(), String::new());
    }
    let zone = *random.pick(&["a", "b", "c d"]);
    labels.insert("zone".to_owned(), zone.to_owned());
    labels
}
