//! What is said of a job as a whole.

use drover_model::{Deadline, DeadlineAction, FailureRule, Priority};

use super::{
    Problems,
    names::{name_problem, text_problem},
};
use crate::{time, v1};

const MAX_LABELS: usize = 64;
const MAX_LABEL_VALUE_CHARS: usize = 500;

pub(super) fn check_priority(priority: Option<u32>, problems: &mut Problems) -> Priority {
    let Some(value) = priority else {
        return Priority::default();
    };
    Priority::new(value).unwrap_or_else(|| {
        problems.add(
            "priority",
            format!(
                "must be from 0 to 100 (low is 25, normal 50, high 75, urgent 100), not {value}"
            ),
        );
        Priority::default()
    })
}

pub(super) fn check_deadline(
    deadline: Option<&v1::job_spec::Deadline>,
    problems: &mut Problems,
) -> Option<Deadline> {
    match deadline? {
        v1::job_spec::Deadline::DeadlineAfter(after) => match time::to_ms(after) {
            Ok(0) => {
                problems.add("deadline_after", "must be longer than 0");
                None
            }
            Ok(ms) => Some(Deadline::After(ms)),
            Err(problem) => {
                problems.add("deadline_after", problem.to_string());
                None
            }
        },
        v1::job_spec::Deadline::DeadlineAt(at) => match time::to_model(at) {
            Ok(at) => Some(Deadline::At(at)),
            Err(problem) => {
                problems.add("deadline_at", problem.to_string());
                None
            }
        },
    }
}

pub(super) fn check_deadline_action(spec: &v1::JobSpec, problems: &mut Problems) -> DeadlineAction {
    let action = match v1::DeadlineAction::try_from(spec.deadline_action) {
        Ok(v1::DeadlineAction::Unspecified | v1::DeadlineAction::None) => DeadlineAction::None,
        Ok(v1::DeadlineAction::Cancel) => DeadlineAction::Cancel,
        Ok(v1::DeadlineAction::Escalate) => DeadlineAction::Escalate,
        Err(_) => {
            problems.add(
                "deadline_action",
                format!(
                    "must be NONE (1), CANCEL (2) or ESCALATE (3), not {}",
                    spec.deadline_action
                ),
            );
            DeadlineAction::None
        }
    };
    if action != DeadlineAction::None && spec.deadline.is_none() {
        problems.add(
            "deadline_action",
            "the job has no deadline after which this could happen; give it one, or leave this out",
        );
    }
    action
}

pub(super) fn check_failure_rule(spec: &v1::JobSpec, problems: &mut Problems) -> FailureRule {
    match v1::FailureRule::try_from(spec.on_failure) {
        Ok(v1::FailureRule::Unspecified | v1::FailureRule::FailFast) => FailureRule::FailFast,
        Ok(v1::FailureRule::Continue) => FailureRule::Continue,
        Ok(v1::FailureRule::Rollback) => {
            if spec.tasks.iter().all(|task| task.undo.is_none()) {
                problems.add(
                    "on_failure",
                    "nothing could be rolled back: no task has an `undo` step; give one to what has to be taken back",
                );
            }
            FailureRule::Rollback
        }
        Err(_) => {
            problems.add(
                "on_failure",
                format!(
                    "must be FAIL_FAST (1), CONTINUE (2) or ROLLBACK (3), not {}",
                    spec.on_failure
                ),
            );
            FailureRule::default()
        }
    }
}

pub(super) fn check_labels(spec: &v1::JobSpec, problems: &mut Problems) {
    if spec.labels.len() > MAX_LABELS {
        problems.add(
            "labels",
            format!(
                "has {} entries; the limit is {MAX_LABELS}",
                spec.labels.len()
            ),
        );
        return;
    }
    for (name, value) in &spec.labels {
        if let Some(problem) = name_problem(name) {
            problems.add(
                format!("labels[{name:?}]"),
                format!("the label's name {problem}"),
            );
        }
        if let Some(problem) = text_problem(value, MAX_LABEL_VALUE_CHARS) {
            problems.add(format!("labels[{name:?}]"), problem);
        }
    }
}
