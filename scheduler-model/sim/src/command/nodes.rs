//! Other nodes than a trace has: `+2:class=gpu`, `-1:class=edge`, `+4:cpu=16,memory=64,speed=2`.

use std::{collections::BTreeSet, sync::Arc};

use drover_model::{NodeAttributes, NodeClass, Resources};

use super::CommandError;
use crate::trace::TraceNode;

/// So many nodes more or less.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeChange {
    text: Arc<str>,
    adds: bool,
    count: usize,
    class: Option<NodeClass>,
    cpus: Option<u64>,
    memory_gib: Option<u64>,
    gpus: Option<u32>,
    speed: Option<f64>,
    cost_per_hour: Option<f64>,
}

const FORM: &str = "must be + or - and a number, and after a colon what they are: +2:class=gpu,cpu=16,memory=64,gpus=1,\
                    speed=1.5,cost=2.5 (cpu in cores, memory in GiB, cost an hour), -1:class=edge";

impl std::str::FromStr for NodeChange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (count, words) = text.split_once(':').unwrap_or((text, ""));
        let (adds, digits) = match count.split_at_checked(1) {
            Some(("+", digits)) => (true, digits),
            Some(("-", digits)) => (false, digits),
            _ => return Err(FORM.to_owned()),
        };
        let count = digits
            .parse()
            .ok()
            .filter(|count| (1..=100_000).contains(count));
        let mut change = Self {
            text: text.into(),
            adds,
            count: count.ok_or("the number of nodes must be from 1 to 100000")?,
            class: None,
            cpus: None,
            memory_gib: None,
            gpus: None,
            speed: None,
            cost_per_hour: None,
        };
        for word in words.split(',').filter(|word| !word.is_empty()) {
            change.set(word)?;
        }
        if !adds && change.names_sizes() {
            return Err("only class says which nodes go".to_owned());
        }
        Ok(change)
    }
}

impl NodeChange {
    fn set(&mut self, word: &str) -> Result<(), String> {
        let (name, value) = word.split_once('=').ok_or(FORM)?;
        let wrong = || format!("`{value}` is no {name}");
        let positive = |value: &str| {
            let number = value.parse().ok();
            number.filter(|number: &f64| number.is_finite() && *number > 0.0)
        };
        match name {
            "class" => {
                self.class = Some(
                    value
                        .parse()
                        .map_err(|error: drover_model::ParseClassError| error.to_string())?,
                );
            }
            "cpu" => self.cpus = Some(whole(value).ok_or_else(wrong)?),
            "memory" => self.memory_gib = Some(whole(value).ok_or_else(wrong)?),
            "gpus" => self.gpus = Some(whole(value).ok_or_else(wrong)? as u32),
            "speed" => self.speed = Some(positive(value).ok_or_else(wrong)?),
            "cost" => self.cost_per_hour = Some(positive(value).ok_or_else(wrong)?),
            _ => return Err(FORM.to_owned()),
        }
        Ok(())
    }

    fn names_sizes(&self) -> bool {
        let numbers = [self.cpus, self.memory_gib, self.gpus.map(u64::from)];
        numbers.iter().any(Option::is_some) || self.speed.is_some() || self.cost_per_hour.is_some()
    }

    /// What is added is like the first node of its class, but for what the change says.
    pub(super) fn apply(&self, nodes: &mut Vec<TraceNode>) -> Result<(), CommandError> {
        let is_meant = |node: &TraceNode| {
            self.class
                .is_none_or(|class| node.attributes.class == class)
        };
        if self.adds {
            let model = nodes.iter().find(|node| is_meant(node)).cloned();
            let model = model.unwrap_or_else(|| self.plain());
            let taken: BTreeSet<Arc<str>> = nodes.iter().map(|node| node.name.clone()).collect();
            let names = (1_usize..).map(|number| Arc::from(format!("added-{number}")));
            let free = names.filter(|name| !taken.contains(name));
            nodes.extend(free.take(self.count).map(|name| self.another(&model, name)));
            return Ok(());
        }
        let there = nodes.iter().filter(|node| is_meant(node)).count();
        if there < self.count || nodes.len() == self.count {
            return Err(CommandError::Nodes {
                text: self.text.to_string(),
                problem: format!(
                    "there are {there} such nodes of {}, and one must stay",
                    nodes.len()
                ),
            });
        }
        let mut left = self.count;
        while left > 0 {
            let last = nodes.iter().rposition(is_meant).expect("just counted");
            nodes.remove(last);
            left -= 1;
        }
        Ok(())
    }

    /// Where there is none of the class.
    fn plain(&self) -> TraceNode {
        let capacity = Resources {
            cpu_millis: 4_000,
            memory_bytes: 16 << 30,
            ..Resources::ZERO
        };
        TraceNode {
            attributes: NodeAttributes {
                class: self.class.unwrap_or_default(),
                ..NodeAttributes::default()
            },
            ..TraceNode::plain("added", capacity)
        }
    }

    fn another(&self, model: &TraceNode, name: Arc<str>) -> TraceNode {
        let mut node = model.clone();
        node.name = name;
        if let Some(cpus) = self.cpus {
            node.capacity.cpu_millis = cpus * 1_000;
        }
        if let Some(memory_gib) = self.memory_gib {
            node.capacity.memory_bytes = memory_gib << 30;
        }
        node.capacity.gpus = self.gpus.unwrap_or(node.capacity.gpus);
        node.speed = self.speed.unwrap_or(node.speed);
        if let Some(cost) = self.cost_per_hour {
            node.attributes.cost_per_hour_micros = (cost * 1e6) as u64;
        }
        node
    }
}

fn whole(value: &str) -> Option<u64> {
    value
        .parse()
        .ok()
        .filter(|value| (1..=1_000_000).contains(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::equal_nodes;

    #[test]
    fn nodes_come_and_go() {
        let mut nodes = equal_nodes(2, 8);
        let change: NodeChange = "+2:class=gpu,cpu=16,gpus=4,speed=2".parse().unwrap();
        change.apply(&mut nodes).unwrap();
        assert_eq!(nodes.len(), 4);
        assert_eq!(nodes[3].attributes.class, NodeClass::Gpu);
        assert_eq!(
            (nodes[3].capacity.cpu_millis, nodes[3].capacity.gpus),
            (16_000, 4)
        );
        assert_ne!(nodes[2].name, nodes[3].name);
        let change: NodeChange = "-1:class=gpu".parse().unwrap();
        change.apply(&mut nodes).unwrap();
        assert_eq!(nodes.len(), 3);
        let change: NodeChange = "-3".parse().unwrap();
        assert!(change.apply(&mut nodes).is_err());
    }

    #[test]
    fn what_is_added_bit_by_bit_has_names_of_its_own() {
        let mut nodes = equal_nodes(2, 8);
        for change in ["+3", "+1", "-1", "+2"] {
            let change: NodeChange = change.parse().unwrap();
            change.apply(&mut nodes).unwrap();
        }
        let names: BTreeSet<&str> = nodes.iter().map(|node| &*node.name).collect();
        assert_eq!((nodes.len(), names.len()), (7, 7), "{names:?}");
        assert!(names.contains("added-5"), "{names:?}");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, problem) in [
            ("2", "must be + or -"),
            ("+0", "from 1 to 100000"),
            ("+2:class=fog", "unknown class"),
            ("+2:speed=-1", "`-1` is no speed"),
            ("+2:colour=red", "must be + or -"),
            ("-1:cpu=4", "only class"),
        ] {
            let error = text.parse::<NodeChange>().unwrap_err();
            assert!(error.contains(problem), "{text}: {error}");
        }
    }
}
