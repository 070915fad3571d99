//! Words about unlike nodes and where tasks may run.

use std::sync::Arc;

use drover_model::{
    Answer, CallerId, Constraints, Event, Expression, JobId, NodeAttributes, NodeChange,
    NodeOverrides, Preference, Question, Resources,
};

use super::{
    Interpreter,
    options::{Options, milliseconds},
};
use crate::support::cpus;

/// `cpu= memory= gpus= disk= named=LICENCE:2,...`
pub(super) fn resources(options: &Options<'_>, memory_bytes: u64) -> Resources {
    let named = options.get("named").unwrap_or("").split(',');
    let mut named: Vec<(Arc<str>, u64)> = named
        .filter_map(|one| one.split_once(':'))
        .map(|(name, amount)| (name.into(), amount.parse().expect("an amount")))
        .collect();
    named.sort_unstable();
    Resources {
        memory_bytes: options.number("memory", memory_bytes),
        gpus: options.number("gpus", 0) as u32,
        disk_bytes: options.number("disk", 0),
        named,
        ..cpus(options.number("cpu", 1))
    }
}

/// `class= region= labels=a:b,... latency= cost= power= gpu_model=`
pub(super) fn attributes(options: &Options<'_>) -> NodeAttributes {
    overrides(options).apply(&NodeAttributes::default())
}

fn overrides(options: &Options<'_>) -> NodeOverrides {
    let number = |key| options.get(key).map(|_| options.number(key, 0));
    let labels = options.get("labels").unwrap_or("").split(',');
    NodeOverrides {
        class: options
            .get("class")
            .map(|class| class.parse().expect("a class")),
        region: options.get("region").map(Into::into),
        labels: labels
            .filter_map(|label| label.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        latency_ms: number("latency").map(|latency| latency as u32),
        cost_per_hour_micros: number("cost"),
        power_watts: number("power").map(|power| power as u32),
        gpu_model: options.get("gpu_model").map(Into::into),
        ..NodeOverrides::default()
    }
}

/// `require=EXPRESSION prefer=EXPRESSION latency_limit= gpu_model= avoid=n1,...`, without spaces in expressions.
pub(super) fn constraints(options: &Options<'_>) -> Arc<Constraints> {
    let expression = |key| -> Option<Expression> {
        let text: &str = options.get(key)?;
        Some(text.parse().expect("an expression"))
    };
    let preferred = expression("prefer").map(|expression| Preference {
        expression,
        weight: 50,
    });
    let mut avoid: Vec<_> = options
        .get("avoid")
        .map(|names| names.split(',').map(Into::into).collect())
        .unwrap_or_default();
    avoid.sort_unstable();
    Arc::new(Constraints {
        required: expression("require"),
        preferred: preferred.into_iter().collect(),
        max_latency_ms: options
            .get("latency_limit")
            .map(|_| options.number("latency_limit", 0) as u32),
        gpu_model: options.get("gpu_model").map(Into::into),
        avoid: avoid.into(),
    })
}

impl Interpreter {
    /// `set NODE key=value...`, `cordon NODE`, `uncordon NODE`, `drain NODE [SECONDS]`, `reset NODE`
    pub(super) fn change_node(&self, word: &str, rest: &str) -> Vec<Event> {
        let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let change = match word {
            "set" => {
                let options = Options::parse(rest.split(' '));
                NodeChange::Override(Box::new(overrides(&options)))
            }
            "reset" => NodeChange::Replace(Box::default()),
            "cordon" => NodeChange::Cordon,
            "uncordon" => NodeChange::Uncordon,
            _ => NodeChange::Drain {
                after_ms: (!rest.is_empty()).then(|| milliseconds(rest)),
            },
        };
        vec![Event::ChangeNode {
            caller: CallerId(3),
            node: name.into(),
            change,
        }]
    }

    /// `explain JOB/TASK`: every node's verdict, best first, and the last decision.
    pub(super) fn explain(&mut self, rest: &str) -> String {
        let (job, task) = rest.split_once('/').expect("job/task");
        let (job, names): &(JobId, Vec<String>) = &self.jobs[job];
        let place = names.iter().position(|name| name == task);
        let (job, task) = (*job, place.expect("a task") as u32);
        let event = Event::Ask {
            caller: CallerId(2),
            question: Question::Explain { job, task },
        };
        let turned = self.world.turn([event]);
        let answers = turned
            .actions
            .into_iter()
            .filter_map(|action| match action {
                drover_model::Action::Reply {
                    answer: Answer::Explained { task, decision },
                    ..
                } => Some((task, decision)),
                _ => None,
            });
        let mut text = String::new();
        for (explained, decision) in answers {
            if explained.is_none() {
                text += "not open\n";
            }
            for verdict in explained.into_iter().flat_map(|told| told.nodes) {
                let obstacle = match verdict.obstacle {
                    Some(obstacle) => format!("{obstacle:?}"),
                    None => "fits".to_owned(),
                };
                let terms = verdict.score.terms.0;
                text += &format!(
                    "{}: {obstacle}, score {} of {terms:?}\n",
                    verdict.node, verdict.score.total
                );
            }
            if let Some(decision) = decision {
                let placement = decision.placement;
                text += &format!(
                    "attempt {} on {} by {} {}, compared {}: {:?}\n",
                    decision.attempt,
                    placement.node,
                    decision.policy,
                    decision.mode,
                    placement.compared,
                    placement.score.terms.0
                );
            }
        }
        text
    }
}
