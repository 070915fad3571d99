//! A small load for tests.

use std::sync::Arc;

use drover_model::{
    Constraints, Priority, Resources,
    inference::{Architecture, Form, Layout, Weights},
};
use drover_sim::trace::{Runs, Trace, TraceJob, TraceNode, TraceTask, Wide};

pub(super) const LONG_MS: u64 = 60_000;
pub(super) const SHORT_MS: u64 = 5_000;

/// Two processors, and every fourth second two jobs of one processor: of every seven, one is long, and the others are short,
/// with deadlines that they miss behind long ones.
pub(super) fn load(jobs: u64) -> Trace {
    let capacity = Resources {
        cpu_millis: 2_000,
        ..Resources::default()
    };
    Trace {
        name: "example".into(),
        nodes: vec![TraceNode::plain("n1", capacity)],
        jobs: (0..jobs).map(job).collect(),
    }
}

fn job(number: u64) -> TraceJob {
    let is_long = number.is_multiple_of(7);
    let run_ms = if is_long { LONG_MS } else { SHORT_MS };
    let task = TraceTask {
        needs: Box::default(),
        wide: Wide::Single,
        resources: Resources {
            cpu_millis: 1_000,
            ..Resources::default()
        },
        constraints: Constraints::none(),
        stated_ms: Some(run_ms),
        signature: run_ms,
        runs: Runs::One(run_ms),
        retries: 0,
    };
    TraceJob {
        submitted_ms: number / 2 * 12_000 + number % 2,
        name: Arc::from(format!("job-{number}")),
        owner: "owner".into(),
        queue: "default".into(),
        priority: Priority::default(),
        deadline_ms: (!is_long).then_some(4 * SHORT_MS),
        tasks: vec![task],
        recorded: None,
    }
}

/// A linear network that ranks by one feature.
pub(super) fn by_feature(feature: &str, weight: f32) -> Weights {
    let architecture = Architecture {
        form: Form::Linear,
        value: None,
    };
    let layout = Layout::new([feature], []).expect("the name of a feature");
    let zero = Weights::zero(feature_version(weight), architecture, layout);
    let weights = zero.expect("a small network");
    weights.with_parameters(&[weight]).expect("one parameter")
}

fn feature_version(weight: f32) -> &'static str {
    if weight < 0.0 {
        "least-first"
    } else {
        "most-first"
    }
}
