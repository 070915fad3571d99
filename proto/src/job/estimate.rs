//! How long attempts are expected to run.

use drover_model::{EstimateSource, EstimateView, TaskView};

use crate::{time, v1};

/// Of a task that may still run; `None` when nobody knows, or nothing of it runs any more.
pub(super) fn of_task(task: &v1::Task, view: Option<&TaskView>) -> Option<v1::Estimate> {
    let estimate = view.and_then(|view| view.estimate)?;
    let may_run = matches!(
        task.state(),
        v1::TaskState::Pending
            | v1::TaskState::Queued
            | v1::TaskState::Assigned
            | v1::TaskState::Running
            | v1::TaskState::Stopping
            | v1::TaskState::Retrying
    );
    may_run.then(|| to_wire(estimate))
}

fn to_wire(estimate: EstimateView) -> v1::Estimate {
    use v1::estimate::Source;
    let source = match estimate.source {
        EstimateSource::Stated => Source::Spec,
        EstimateSource::Signature => Source::Signature,
        EstimateSource::WideSignature => Source::Queue,
        EstimateSource::Default => Source::Default,
    };
    v1::Estimate {
        source: source.into(),
        median: Some(time::duration(estimate.median_ms)),
        high: Some(time::duration(estimate.high_ms)),
        runs: estimate.runs,
    }
}

#[cfg(test)]
mod tests {
    use drover_model::TaskState;

    use super::*;

    #[test]
    fn what_may_still_run_has_an_estimate() {
        let view = TaskView {
            state: TaskState::Queued,
            pending: None,
            estimate: Some(EstimateView {
                source: EstimateSource::WideSignature,
                median_ms: 1_500,
                high_ms: 4_000,
                runs: 12,
            }),
        };
        let of = |state: v1::TaskState| {
            let task = v1::Task {
                state: state.into(),
                ..Default::default()
            };
            of_task(&task, Some(&view))
        };
        let estimate = of(v1::TaskState::Running).unwrap();
        assert_eq!(estimate.source(), v1::estimate::Source::Queue);
        assert_eq!(estimate.median, Some(time::duration(1_500)));
        assert_eq!(estimate.high, Some(time::duration(4_000)));
        assert_eq!(estimate.runs, 12);
        assert_eq!(of(v1::TaskState::Succeeded), None);
        assert_eq!(of_task(&v1::Task::default(), None), None);
    }
}
