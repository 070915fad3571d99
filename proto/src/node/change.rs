//! What operators do to nodes.

use std::{collections::BTreeSet, sync::Arc};

use drover_model::{NodeChange, NodeOverrides};

use crate::{
    Violation,
    attributes::{LABELS, class_to_model, cost_problem, latency_problem, power_problem},
    spec::{MAX_NAME_CHARS, Problems, name_problem, text_problem},
    time, v1,
};

const MAX_DRAIN_MS: u64 = 30 * 24 * 60 * 60 * 1_000;

/// What an operator says of a node. Its name is the caller's to look up.
///
/// # Errors
/// Everything that is wrong with it, in the order of the fields.
pub fn set(request: v1::SetNodeRequest) -> Result<NodeChange, Vec<Violation>> {
    let mut problems = Problems::default();
    let overrides = Box::new(NodeOverrides {
        class: class_to_model(request.class).unwrap_or_else(|problem| {
            problems.add("class", problem);
            None
        }),
        region: text("region", request.region.as_deref(), &mut problems),
        without_labels: removed(&request, &mut problems),
        latency_ms: number(
            "latency_ms",
            request.latency_ms,
            latency_problem,
            &mut problems,
        ),
        cost_per_hour_micros: number(
            "cost_per_hour_micros",
            request.cost_per_hour_micros,
            cost_problem,
            &mut problems,
        ),
        power_watts: number(
            "power_watts",
            request.power_watts,
            power_problem,
            &mut problems,
        ),
        gpu_model: text("gpu_model", request.gpu_model.as_deref(), &mut problems),
        labels: {
            check_labels(&request, &mut problems);
            request.labels
        },
    });
    if !request.reset && *overrides == NodeOverrides::default() {
        problems.add(
            "name",
            "nothing is said of the node; give at least one field",
        );
    }
    problems.or(match request.reset {
        true => NodeChange::Replace(overrides),
        false => NodeChange::Override(overrides),
    })
}

/// # Errors
/// When the deadline is negative or too far away.
pub fn drain(request: &v1::DrainNodeRequest) -> Result<NodeChange, Vec<Violation>> {
    let mut problems = Problems::default();
    let after = request.deadline_after.as_ref().map(time::to_ms).transpose();
    let after_ms = after.unwrap_or_else(|problem| {
        problems.add("deadline_after", problem.to_string());
        None
    });
    if after_ms.is_some_and(|ms| ms > MAX_DRAIN_MS) {
        problems.add("deadline_after", "must be at most 30 days");
    }
    problems.or(NodeChange::Drain { after_ms })
}

/// Empty is something that an operator may say.
fn text(field: &str, text: Option<&str>, problems: &mut Problems) -> Option<Arc<str>> {
    if let Some(problem) = text_problem(text?, MAX_NAME_CHARS) {
        problems.add(field, problem);
    }
    text.map(Into::into)
}

fn number<T: Copy>(
    field: &str,
    number: Option<T>,
    problem: impl Fn(T) -> Option<&'static str>,
    problems: &mut Problems,
) -> Option<T> {
    if let Some(problem) = number.and_then(problem) {
        problems.add(field, problem);
    }
    number
}

fn check_labels(request: &v1::SetNodeRequest, problems: &mut Problems) {
    if request.labels.len() > LABELS {
        problems.add(
            "labels",
            format!(
                "has {} entries; the limit is {LABELS}",
                request.labels.len()
            ),
        );
        return;
    }
    for (name, value) in &request.labels {
        let field = format!("labels[{name:?}]");
        if let Some(problem) = name_problem(name) {
            problems.add(&*field, format!("the label's name {problem}"));
        }
        if let Some(problem) = text_problem(value, MAX_NAME_CHARS) {
            problems.add(&*field, problem);
        }
        if request.remove_labels.contains(name) {
            problems.add(&*field, "stands in `remove_labels` as well; which is it?");
        }
    }
}

fn removed(request: &v1::SetNodeRequest, problems: &mut Problems) -> BTreeSet<String> {
    if request.remove_labels.len() > LABELS {
        problems.add(
            "remove_labels",
            format!(
                "has {} entries; the limit is {LABELS}",
                request.remove_labels.len()
            ),
        );
    }
    for (place, name) in request.remove_labels.iter().enumerate() {
        if let Some(problem) = name_problem(name) {
            problems.add(format!("remove_labels[{place}]"), problem);
        }
    }
    request.remove_labels.iter().cloned().collect()
}
