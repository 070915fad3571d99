//! Operators: they take nodes out of service and put them back, and say otherwise what nodes are.

use std::{collections::BTreeSet, sync::Arc};

use drover_model::{Admission, NodeChange, NodeClass, NodeName, NodeOverrides};

use super::CallKind;
use crate::{
    faults::{
        setting::{GPU_MODELS, REGIONS},
        world::{World, moment::Moment},
    },
    random::{Purpose, Random},
};

/// What an operator does to a node, and how long after that what else.
#[derive(Clone, Debug)]
pub struct Operation {
    pub node: NodeName,
    pub change: NodeChange,
    then: Option<(u64, NodeChange)>,
}

impl World<'_> {
    pub(super) fn plan_operators(&mut self) {
        let mut random = Random::new(self.setting.seed, Purpose::Operators);
        for _ in 0..self.setting.operations {
            let node = self.node_to_operate(&mut random);
            let operation = operation(node, &mut random);
            let at_ms = self.operates_at_ms(&mut random);
            self.plan_operation(operation, Moment::default().plus_ms(at_ms));
        }
    }

    /// Often the one that has most to do, and now and then one that there is not.
    fn node_to_operate(&self, random: &mut Random) -> NodeName {
        match random.below(20) {
            0 => "nowhere".into(),
            1..=7 => self.setting.agents[0].name.clone(),
            _ => random.pick(&self.setting.agents).name.clone(),
        }
    }

    /// At any time, or when something has just begun.
    fn operates_at_ms(&self, random: &mut Random) -> u64 {
        match random.chance(500) {
            true => random.below(self.setting.faulty_ms),
            false => random.pick(&self.workload.jobs).submit_at_ms + random.spread(5, 500),
        }
    }

    fn plan_operation(&mut self, operation: Operation, at: Moment) {
        let call = self.clients.add(CallKind::Operate(operation));
        self.plan_call(call, at);
    }

    /// The node is as its operator wants it, for now.
    pub(super) fn go_on_operating(&mut self, call: usize) {
        self.wonder_why();
        let CallKind::Operate(Operation { node, then, .. }) = &mut self.clients.calls[call].kind
        else {
            return;
        };
        if let Some((after_ms, change)) = then.take() {
            let node = node.clone();
            let then = None;
            let operation = Operation { node, change, then };
            self.plan_operation(operation, self.now.plus_ms(after_ms));
        }
    }

    /// Somebody asks why a task waits that has not begun.
    pub(in crate::faults::world) fn wonder_why(&mut self) {
        let open = self.database.open.iter();
        let Some(job) = open.copied().nth(self.clients.random.below(4) as usize) else {
            return;
        };
        let number = self.database.jobs[&job].number;
        let tasks = 0..self.workload.jobs[number as usize].spec.tasks.len() as u32;
        let has_begun = |task: &u32| self.database.attempts_at(job, *task).next().is_some();
        if let Some(task) = tasks.into_iter().find(|task| !has_begun(task)) {
            self.ask_why(job, task, 0);
        }
    }

    /// After all faults somebody looks at the nodes until each is in service, and is what its agent says.
    pub(in crate::faults::world) fn put_nodes_in_order(&mut self) {
        let mut changes = Vec::new();
        for row in self.database.nodes.values() {
            if row.admission != Admission::Open {
                changes.push((row.name.clone(), NodeChange::Uncordon));
            }
            if row.overrides != NodeOverrides::default() {
                changes.push((row.name.clone(), reset()));
            }
        }
        for (node, change) in changes {
            let then = None;
            let operation = Operation { node, change, then };
            let mut waiting = self.clients.calls.iter().filter(|call| !call.done);
            let is_asked_for = waiting.any(|call| {
                matches!(&call.kind, CallKind::Operate(other)
                    if (&other.node, &other.change) == (&operation.node, &operation.change))
            });
            if !is_asked_for {
                self.plan_operation(operation, self.now.plus_us(1));
            }
        }
    }
}

fn operation(node: NodeName, random: &mut Random) -> Operation {
    let change = match random.below(10) {
        0 | 1 => NodeChange::Cordon,
        2 => NodeChange::Drain { after_ms: None },
        3..=6 => NodeChange::Drain {
            after_ms: Some(match random.chance(350) {
                true => 0,
                false => random.spread(200, 20_000),
            }),
        },
        _ => NodeChange::Override(Box::new(overrides(random))),
    };
    let back = match change {
        NodeChange::Override(_) if random.chance(700) => reset(),
        NodeChange::Override(_) => NodeChange::Replace(Box::new(overrides(random))),
        _ => NodeChange::Uncordon,
    };
    let then = (random.chance(900)).then(|| (random.spread(5_000, 40_000), back));
    Operation { node, change, then }
}

/// What the agent says counts again.
fn reset() -> NodeChange {
    NodeChange::Replace(Box::default())
}

/// Some of all that can be said.
fn overrides(random: &mut Random) -> NodeOverrides {
    let mut overrides = NodeOverrides {
        class: random.chance(300).then(|| *random.pick(&NodeClass::ALL)),
        region: random.chance(300).then(|| text(&REGIONS, random)),
        latency_ms: random.chance(300).then(|| random.spread(1, 200) as u32),
        cost_per_hour_micros: random.chance(300).then(|| random.below(5_000_000)),
        power_watts: random.chance(300).then(|| random.below(1_000) as u32),
        gpu_model: random.chance(200).then(|| text(&GPU_MODELS, random)),
        ..NodeOverrides::default()
    };
    if random.chance(300) {
        overrides.without_labels = BTreeSet::from(["disk".to_owned(), "spot".to_owned()]);
    }
    if random.chance(400) {
        let value = *random.pick(&["ssd", "hdd"]);
        overrides.labels.insert("disk".to_owned(), value.to_owned());
    }
    overrides
}

/// Empty takes away what the agent says.
fn text(choices: &[&str], random: &mut Random) -> Arc<str> {
    match random.chance(200) {
        true => "".into(),
        false => (*random.pick(choices)).into(),
    }
}
