//! Why a task waits, node by node, and how its last attempt was decided.

use drover_model::{
    DecisionSummary, DecisionView, NodeVerdict, Obstacle, RunnerUp, Score, TaskExplanation, Term,
    Unmet, Weights, policy,
};

use super::{
    estimate, pending_reason,
    words::{amount, bare_amount, clock},
};
use crate::{spec::Places, time, v1};

/// The rules come with the build.
const RULES_VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the model knows of a task beside the record.
#[derive(Debug, Default)]
pub struct Known {
    /// `None` when its job has ended.
    pub task: Option<Box<TaskExplanation>>,
    /// `None` when it is forgotten.
    pub decision: Option<Box<DecisionView>>,
}

/// What the record says of a task, and what the model knows besides.
///
/// # Panics
/// When the job has no task at this place.
pub fn explanation(mut job: v1::Job, index: u32, known: Known) -> v1::ExplainResponse {
    let mut task = job.tasks.swap_remove(index as usize);
    let decision = task.attempts.last().and_then(|last| {
        let in_full = known.decision.filter(|view| view.attempt == last.number);
        in_full.map_or_else(|| recorded(last), |view| Some(decision(*view)))
    });
    let Some(explained) = known.task else {
        return v1::ExplainResponse {
            task: Some(task),
            decision,
            ..Default::default()
        };
    };
    let specs = job.spec.as_ref().map_or(&[][..], |spec| &spec.tasks);
    let places = Places::of(specs);
    if let Some(place) = places.get(index) {
        task.pending_reason = pending_reason(&job, &task, &place, Some(&explained.task), &places);
    }
    task.estimate = estimate::of_task(&task, Some(&explained.task));
    let weights = &explained.weights;
    let waits = !task.pending_reason.is_empty();
    let shown = explained.nodes.iter().filter(|_| waits);
    v1::ExplainResponse {
        task: Some(task),
        nodes: shown.map(|node| verdict(node, weights)).collect(),
        nodes_left_out: if waits { explained.nodes_left_out } else { 0 },
        decision,
    }
}

/// The short form. An attempt that expired had no decision.
fn recorded(attempt: &v1::Attempt) -> Option<v1::Decision> {
    let summary = DecisionSummary::parse(&attempt.decision)?;
    let total = |score: u16| v1::Score {
        total: score.into(),
        terms: Vec::new(),
    };
    Some(v1::Decision {
        attempt: attempt.number,
        time: attempt.assign_time,
        policy: summary.policy.to_owned(),
        mode: summary.mode.to_string(),
        rank: summary.rank.saturating_add(1),
        backfilled: summary.backfilled,
        node: attempt.node.clone(),
        score: Some(total(summary.score)),
        runner_up_score: summary.runner_up.map(total),
        ..Default::default()
    })
}

fn verdict(verdict: &NodeVerdict, weights: &Weights) -> v1::NodeVerdict {
    let is_possible = verdict.score != Score::default();
    v1::NodeVerdict {
        node: verdict.node.to_string(),
        score: is_possible.then(|| score(&verdict.score, weights)),
        obstacle: verdict.obstacle.as_ref().map_or_else(String::new, obstacle),
    }
}

fn score(score: &Score, weights: &Weights) -> v1::Score {
    let terms = Term::ALL.iter().zip(weights.0);
    v1::Score {
        total: score.total.into(),
        terms: terms
            .map(|(term, weight)| v1::ScoreTerm {
                name: term.as_str().to_owned(),
                value: score.terms.get(*term).into(),
                weight: weight.into(),
            })
            .collect(),
    }
}

fn decision(view: DecisionView) -> v1::Decision {
    let DecisionView {
        attempt,
        at,
        policy,
        mode,
        weights,
        placement,
    } = view;
    let runner_up = placement.runner_up;
    v1::Decision {
        attempt,
        time: Some(time::from_model(at)),
        policy: (*policy).to_owned(),
        policy_version: version_of(&policy).to_owned(),
        mode: mode.to_string(),
        rank: placement.rank.saturating_add(1),
        backfilled: placement.backfilled,
        node: placement.node.to_string(),
        score: Some(score(&placement.score, &weights)),
        runner_up: runner_up
            .as_ref()
            .map_or_else(String::new, |second| second.node.to_string()),
        runner_up_score: runner_up
            .as_ref()
            .map(|RunnerUp { score: its, .. }| score(its, &weights)),
        nodes_compared: placement.compared.into(),
    }
}

/// Why a task cannot start on a node now, with the node as the subject.
fn obstacle(obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::Busy {
            resource,
            wanted,
            free,
        } => format!(
            "has {} free of the {} that it needs",
            bare_amount(resource, *free),
            amount(resource, *wanted)
        ),
        Obstacle::Reserved => "is reserved for another task, which this one would delay".to_owned(),
        Obstacle::Apart => "holds a task of its anti-affinity group".to_owned(),
        Obstacle::Quarantined { until } => format!("is quarantined until {}", clock(*until)),
        Obstacle::TooSmall {
            resource,
            wanted,
            capacity,
        } => format!(
            "is too small: has {} in all of the {} that it needs",
            bare_amount(resource, *capacity),
            amount(resource, *wanted)
        ),
        Obstacle::Constraint(unmet) => constraint(unmet),
        Obstacle::Cordoned => "is cordoned".to_owned(),
        Obstacle::Draining => "is being drained".to_owned(),
        Obstacle::Away => "is disconnected, or leaving".to_owned(),
    }
}

fn constraint(unmet: &Unmet) -> String {
    match unmet {
        Unmet::Required(expression) => format!("does not satisfy `{expression}`"),
        Unmet::MaxLatency { limit_ms } => format!("has a latency of more than {limit_ms} ms"),
        Unmet::GpuModel(model) => format!("has no gpus of the model `{model}`"),
        Unmet::Avoided => "is one that it avoids".to_owned(),
    }
}

/// Of a policy that is built in; any other is a network, whose name is its version.
fn version_of(policy: &str) -> &'static str {
    match policy::find(policy) {
        Ok(_) => RULES_VERSION,
        Err(_) => "",
    }
}

#[cfg(test)]
mod tests;
