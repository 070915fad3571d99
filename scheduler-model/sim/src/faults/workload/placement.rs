//! Where tasks may run: what they ask of a node.

use std::sync::Arc;

use drover_model::{Constraints, NodeName, Preference, Resources};

use super::Condition;
use crate::{
    faults::setting::{AgentSetting, GPU_MODELS, LEAST_CORES, Setting},
    random::Random,
};

/// What a step asks of the node that it runs on.
#[derive(Clone, Debug)]
pub(super) struct Placement {
    pub(super) resources: Resources,
    pub(super) constraints: Arc<Constraints>,
    /// The required expression, for judging.
    pub(super) required: Option<Condition>,
}

impl Placement {
    /// Something that a node can give which belongs to the cluster, lest it waits for ever: `size` times at once.
    pub(super) fn possible(size: u32, setting: &Setting, random: &mut Random) -> Self {
        let has_room = |agent: &&AgentSetting| agent.capacity.cpu_millis >= u64::from(size) * 1_000;
        let homes: Vec<_> = setting.agents.iter().filter(has_room).collect();
        let home = *random.pick(&homes);
        let resources = resources(home, size.into(), random);
        if !random.chance(300) {
            return Self {
                resources,
                constraints: Constraints::none(),
                required: None,
            };
        }
        let attributes = home.lasting_attributes();
        let required = random
            .chance(600)
            .then(|| Condition::draw_for(attributes, random));
        let constraints = Constraints {
            required: required.as_ref().map(Condition::expression),
            preferred: preferences(random),
            max_latency_ms: random
                .chance(300)
                .then(|| attributes.latency_ms + random.below(50) as u32),
            gpu_model: attributes
                .gpu_model
                .clone()
                .filter(|_| resources.gpus > 0 && random.chance(600)),
            avoid: avoid(setting, random, |name| *name != home.name),
        };
        Self {
            resources,
            constraints: Arc::new(constraints),
            required,
        }
    }

    /// Something of which each node can give one.
    pub(super) fn wide(random: &mut Random) -> Self {
        let cores = random.between(1, LEAST_CORES);
        Self {
            resources: Resources {
                cpu_millis: cores * 1_000,
                memory_bytes: random.below(cores << 30),
                ..Resources::ZERO
            },
            constraints: Constraints::none(),
            required: None,
        }
    }

    /// Something that perhaps no node can give. For what does not wait for ever.
    pub(super) fn perhaps_impossible(setting: &Setting, random: &mut Random) -> Self {
        let resources = resources(random.pick(&setting.agents), 1, random);
        let required = match random.below(3) {
            0 => None,
            1 => Some(Condition::passing()),
            _ => Some(Condition::draw(random)),
        };
        let wants_gpus = resources.gpus > 0 && random.chance(500);
        let constraints = Constraints {
            required: required.as_ref().map(Condition::expression),
            preferred: preferences(random),
            max_latency_ms: random.chance(300).then(|| random.spread(1, 200) as u32),
            gpu_model: wants_gpus.then(|| (*random.pick(&GPU_MODELS)).into()),
            avoid: avoid(setting, random, |_| true),
        };
        Self {
            resources: match random.chance(150) {
                true => Resources {
                    cpu_millis: 64_000,
                    ..resources
                },
                false => resources,
            },
            constraints: Arc::new(constraints),
            required,
        }
    }
}

/// Not more than the node has so many times.
fn resources(home: &AgentSetting, times: u64, random: &mut Random) -> Resources {
    let capacity = &home.capacity;
    let cores = random.spread(1, 8).min(capacity.cpu_millis / 1_000 / times);
    let mut named = Vec::new();
    for (name, amount) in &capacity.named {
        let most = amount / times;
        if most > 0 && random.chance(80) {
            named.push((Arc::clone(name), random.between(1, most)));
        }
    }
    let most_gpus = u64::from(capacity.gpus) / times;
    let gpus = if most_gpus > 0 && random.chance(120) {
        random.between(1, most_gpus) as u32
    } else {
        0
    };
    Resources {
        cpu_millis: cores * 1_000,
        memory_bytes: random.below(cores << 30),
        gpus,
        disk_bytes: match random.chance(50) {
            true => random.below(capacity.disk_bytes / times + 1),
            false => 0,
        },
        named,
    }
}

fn preferences(random: &mut Random) -> Box<[Preference]> {
    let count = random.below(3);
    let drawn = (0..count).map(|_| Preference {
        expression: if random.chance(200) {
            Condition::passing().expression()
        } else {
            Condition::draw(random).expression()
        },
        weight: random.between(1, 100) as u8,
    });
    drawn.collect()
}

/// In ascending order.
fn avoid(
    setting: &Setting,
    random: &mut Random,
    may: impl Fn(&NodeName) -> bool,
) -> Box<[NodeName]> {
    let names = setting.agents.iter().map(|agent| &agent.name);
    let avoided = names.filter(|name| may(name) && random.chance(150));
    avoided.cloned().collect()
}
