//! Where a task may run, and which tasks keep apart.

use std::{collections::HashMap, sync::Arc};

use drover_model::{Constraints, Expression, NodeName, Preference};

use super::{names::name_problem, run::Check};
use crate::{agent::check_node_name, v1};

const MAX_PREFERENCES: usize = 16;
const MAX_AVOIDED: usize = 64;
const DEFAULT_WEIGHT: u8 = 50;
const MAX_WEIGHT: u8 = 100;

/// Numbers of the groups of tasks that keep apart, in the order in which the job names them.
pub(crate) fn apart_groups(tasks: &[v1::TaskSpec]) -> HashMap<&str, u32> {
    let mut numbers = HashMap::new();
    for task in tasks.iter().filter(|task| !task.anti_affinity.is_empty()) {
        let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        numbers.entry(task.anti_affinity.as_str()).or_insert(next);
    }
    numbers
}

impl Check<'_> {
    /// The number of the group that the task keeps apart from.
    pub(super) fn apart(
        &mut self,
        task: &v1::TaskSpec,
        groups: &HashMap<&str, u32>,
    ) -> Option<u32> {
        if task.anti_affinity.is_empty() {
            return None;
        }
        if let Some(problem) = name_problem(&task.anti_affinity) {
            self.add("anti_affinity", problem);
        }
        groups.get(task.anti_affinity.as_str()).copied()
    }

    pub(super) fn constraints(
        &mut self,
        said: Option<&v1::Constraints>,
        gpu_model: Option<Arc<str>>,
    ) -> Arc<Constraints> {
        let mut constraints = Constraints {
            gpu_model,
            ..Constraints::default()
        };
        if let Some(said) = said {
            constraints.required = self.required(&said.require);
            constraints.preferred = self.preferred(&said.prefer);
            constraints.max_latency_ms = said.max_latency_ms;
            constraints.avoid = self.avoided(&said.avoid_nodes);
        }
        if constraints.is_none() {
            return Constraints::none();
        }
        Arc::new(constraints)
    }

    fn required(&mut self, text: &str) -> Option<Expression> {
        if text.is_empty() {
            return None;
        }
        self.expression("constraints.require", text)
    }

    fn preferred(&mut self, prefer: &[v1::Preference]) -> Box<[Preference]> {
        const FIELD: &str = "constraints.prefer";
        if prefer.len() > MAX_PREFERENCES {
            self.add(
                FIELD,
                format!(
                    "has {} entries; the limit is {MAX_PREFERENCES}",
                    prefer.len()
                ),
            );
            return Box::default();
        }
        let mut preferred = Vec::with_capacity(prefer.len());
        for (place, one) in prefer.iter().enumerate() {
            let weight = self.weight(&format!("{FIELD}[{place}].weight"), one.weight);
            let field = format!("{FIELD}[{place}].expression");
            if let Some(expression) = self.expression(&field, &one.expression) {
                preferred.push(Preference { expression, weight });
            }
        }
        preferred.into()
    }

    fn weight(&mut self, field: &str, weight: u32) -> u8 {
        let known = u8::try_from(weight).ok();
        match known.filter(|known| *known <= MAX_WEIGHT) {
            Some(0) => DEFAULT_WEIGHT,
            Some(known) => known,
            None => {
                self.add(
                    field,
                    format!("must be from 1 to {MAX_WEIGHT}, not {weight}"),
                );
                DEFAULT_WEIGHT
            }
        }
    }

    fn expression(&mut self, field: &str, text: &str) -> Option<Expression> {
        match text.parse::<Expression>() {
            Ok(expression) => Some(expression),
            Err(problem) => {
                self.add(field, problem.to_string());
                None
            }
        }
    }

    /// Ascending, each once.
    fn avoided(&mut self, nodes: &[String]) -> Box<[NodeName]> {
        const FIELD: &str = "constraints.avoid_nodes";
        if nodes.len() > MAX_AVOIDED {
            self.add(
                FIELD,
                format!("has {} entries; the limit is {MAX_AVOIDED}", nodes.len()),
            );
            return Box::default();
        }
        for (place, name) in nodes.iter().enumerate() {
            if let Err(wrong) = check_node_name(name) {
                self.add(
                    &format!("{FIELD}[{place}]"),
                    format!("the name of a node {}", wrong.problem),
                );
            }
        }
        let mut names: Vec<NodeName> = nodes.iter().map(|name| name.as_str().into()).collect();
        names.sort_unstable();
        names.dedup();
        names.into()
    }
}
