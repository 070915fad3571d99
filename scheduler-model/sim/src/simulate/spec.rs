//! From a job of a trace to the job that a user would have submitted.

use std::sync::Arc;

use bytes::Bytes;
use drover_model::{
    CallerId, Deadline, DeadlineAction, Event, Expected, FailureRule, Group, GroupKind, JobId,
    JobSpec, NewJob, RetryRule, Rules, StepSpec, TaskSpec, TurnNumber,
};

use crate::trace::{TraceJob, TraceTask, Wide};

/// What a run time is taken for while nothing is known of it, as at the border of a coordinator.
const DEFAULT_ESTIMATE_MS: u64 = 60_000;

/// Names that all simulated jobs share.
#[derive(Debug)]
pub(super) struct Names {
    namespace: Arc<str>,
    job: Arc<str>,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            namespace: "default".into(),
            job: "simulated".into(),
        }
    }
}

/// The id of the job at that place of the trace. Ids ascend with places; 0 is nobody's.
pub(super) fn job_id(place: u32) -> JobId {
    JobId::from_u128(u128::from(place) + 1)
}

pub(super) fn place_of(id: JobId) -> u32 {
    let bytes = id.as_bytes();
    let low = [bytes[12], bytes[13], bytes[14], bytes[15]];
    u32::from_be_bytes(low) - 1
}

/// Its submission.
pub(super) fn submission(names: &Names, place: u32, job: &TraceJob) -> Event {
    let (tasks, groups) = expand(job);
    let spec = JobSpec {
        namespace: Arc::clone(&names.namespace),
        queue: Arc::clone(&job.queue),
        priority: job.priority,
        deadline: job.deadline_ms.map(Deadline::After),
        deadline_action: DeadlineAction::None,
        failure_rule: FailureRule::FailFast,
        tasks,
        groups,
        may_preempt: false,
    };
    Event::Submit {
        caller: CallerId(0),
        jobs: vec![NewJob {
            id: job_id(place),
            name: Arc::clone(&names.job),
            spec,
            request_id: None,
            traceparent: None,
            stored_spec: Bytes::new(),
            replay_of: None,
            carried: Vec::new(),
        }],
        looked_up: TurnNumber(u64::MAX),
    }
}

/// Instances of each stage, and behind those of an array or gang the task that stands for all of them.
fn expand(job: &TraceJob) -> (Vec<TaskSpec>, Vec<Group>) {
    let mut tasks: Vec<TaskSpec> = Vec::with_capacity(job.tasks.len());
    let mut groups = Vec::new();
    // Of each stage, the task that is done when all of it is.
    let mut ends: Vec<u32> = Vec::with_capacity(job.tasks.len());
    for stage in &job.tasks {
        let first = tasks.len() as u32;
        let needs: Box<[u32]> = stage
            .needs
            .iter()
            .map(|need| ends[*need as usize])
            .collect();
        let instance = TaskSpec {
            needs,
            finally: false,
            step: Some(step(job, stage)),
            undo: None,
        };
        let kind = match stage.wide {
            Wide::Single => None,
            Wide::Array => Some(GroupKind::Array {
                parallel: u32::MAX,
                max_failed: 0,
            }),
            Wide::Gang(topology) => Some(GroupKind::Gang { topology }),
        };
        let Some(kind) = kind else {
            tasks.push(instance);
            ends.push(first);
            continue;
        };
        let count = stage.runs.count();
        tasks.extend(std::iter::repeat_n(instance, count as usize));
        tasks.push(TaskSpec {
            needs: (first..first + count).collect(),
            finally: false,
            step: None,
            undo: None,
        });
        groups.push(Group { first, count, kind });
        ends.push(first + count);
    }
    (tasks, groups)
}

fn step(job: &TraceJob, stage: &TraceTask) -> StepSpec {
    StepSpec {
        payload: Bytes::new(),
        resources: stage.resources.clone(),
        constraints: Arc::clone(&stage.constraints),
        apart: None,
        rules: Rules {
            retry: RetryRule {
                retries: stage.retries,
                ..RetryRule::default()
            },
            ..Rules::default()
        },
        expected: Expected {
            stated_ms: stage.stated_ms,
            default_ms: DEFAULT_ESTIMATE_MS,
            signature: stage.signature,
            wide_signature: wide_signature(&job.queue),
        },
        preemptible: false,
    }
}

/// Of everything in a queue (FNV-1a, 64 bits).
fn wide_signature(queue: &str) -> u64 {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    queue.bytes().fold(0xcbf2_9ce4_8422_2325, mix)
}

/// The stage of a model's task, and which instance of it.
pub(super) fn stage_of(job: &TraceJob, task: u32) -> (u32, u32) {
    let mut first = 0;
    for (place, stage) in (0..).zip(&job.tasks) {
        let count = stage.runs.count();
        if task < first + count {
            return (place, task - first);
        }
        first += count + u32::from(stage.wide != Wide::Single);
    }
    unreachable!("only tasks of the job run");
}
