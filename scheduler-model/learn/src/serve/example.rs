//! A small load for tests.

use std::{collections::BTreeSet, sync::Arc};

use drover_model::{
    AttemptState, Constraints, JobState, NodeAttributes, Priority, Resources,
    dispatch::Mode,
    inference::{Architecture, Form, Layout, Weights},
    observation::layout,
    policy::{self, shipped_weights},
};
use drover_sim::{
    simulate::Options,
    trace::{
        Runs, Trace, TraceJob, TraceNode, TraceTask, Wide,
        history::line::{AttemptLine, JobLine, NodeLine, TaskLine},
    },
};

use super::{InUse, Recent};

pub(super) const LONG_MS: u64 = 60_000;
pub(super) const SHORT_MS: u64 = 5_000;

/// Two processors, and every twelve seconds two jobs of one processor: of every seven, one is long, and the others are short,
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

/// `fifo`.
pub(super) fn in_use() -> InUse {
    let shipped = shipped_weights().aligned(&layout());
    InUse {
        policy: "fifo".to_owned(),
        options: Options::new(policy::find("fifo").expect("a rule"), Mode::Easy),
        starts: vec![shipped.expect("what is shipped can be used")],
        versions: BTreeSet::new(),
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

/// The record of [`load`], in which every job has started at once.
pub(super) fn recent(jobs: u64) -> Recent {
    let load = load(jobs);
    let mut recent = Recent::of(Vec::new());
    recent.history.nodes = load.nodes.iter().map(node_line).collect();
    recent.history.jobs = load.jobs.iter().map(job_line).collect();
    recent
}

fn node_line(node: &TraceNode) -> NodeLine {
    NodeLine {
        name: Arc::clone(&node.name),
        state: "ready".to_owned(),
        capacity: node.capacity.clone(),
        attributes: NodeAttributes::default(),
        speed_permille: 1_000,
    }
}

fn job_line(job: &TraceJob) -> JobLine {
    let begin_ms = job.submitted_ms as i64;
    let task = &job.tasks[0];
    let end_ms = begin_ms + task.runs.ms(0) as i64;
    let attempt = AttemptLine {
        instance: 0,
        undo: false,
        number: 1,
        node: "n1".into(),
        assigned_ms: begin_ms,
        started_ms: Some(begin_ms),
        ended_ms: Some(end_ms),
        outcome: AttemptState::Succeeded,
    };
    JobLine {
        id: job.name.to_string(),
        name: Arc::clone(&job.name),
        owner: Arc::clone(&job.owner),
        queue: Arc::clone(&job.queue),
        priority: job.priority.get(),
        submitted_ms: begin_ms,
        deadline_ms: job.deadline_ms.map(|after| begin_ms + after as i64),
        state: JobState::Succeeded,
        ended_ms: Some(end_ms),
        cost_micros: 0,
        energy_joules: 0,
        tasks: vec![TaskLine {
            name: "only".into(),
            needs: Vec::new(),
            instances: None,
            resources: task.resources.clone(),
            constraints: None,
            stated_ms: task.stated_ms,
            signature: task.signature,
            retries: 0,
            attempts: vec![attempt],
        }],
    }
}
