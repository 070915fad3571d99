//! From a user's job to the job in memory.

use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

use super::{
    Cluster,
    fit::Fit,
    job::{Counts, Job, Words},
    phase::{Kind, Phase, Run},
    task::{MOST_WORK, Task},
    ties::Ties,
};
use crate::{EstimateView, Intent, JobId, JobSpec, JobState, StepSpec, TaskSpec, Timestamp, dag};

/// By task. Most jobs have one.
type Estimates = SmallVec<[Option<EstimateView>; 1]>;

/// Longest path from each task to the end of its job, in estimated milliseconds.
type Ranks = SmallVec<[u64; 1]>;

/// What each task needs.
type Needs = SmallVec<[Box<[u32]>; 1]>;

impl Cluster {
    /// The job in memory: tasks pending, `finally` tasks and undo steps dormant.
    pub(super) fn compile(
        &mut self,
        id: JobId,
        mut spec: JobSpec,
        submitted_at: Timestamp,
        deadline: Option<Timestamp>,
        traceparent: Option<Arc<str>>,
    ) -> Job {
        let steps = spec.tasks.iter().map(|task| task.step.as_ref());
        let estimates: Estimates = steps.map(|step| self.estimate_of(step)).collect();
        let (needs, ranks) = graph(&mut spec.tasks, &estimates);
        let mut tasks: SmallVec<[Task; 1]> = SmallVec::with_capacity(needs.len());
        for (place, task) in spec.tasks.iter().enumerate() {
            let (kind, phase) = if task.finally {
                (Kind::Finally, Phase::Dormant)
            } else {
                let unmet = needs[place].len() as u32;
                (Kind::Main, Phase::Pending { unmet })
            };
            let step = task.step.as_ref();
            let step = step.map(|step| (step, Fit::of(id, &spec, step, Some(place as u32))));
            tasks.push(self.compile_step(kind, phase, step, estimates[place], ranks[place]));
        }
        if needs.len() > tasks.len() {
            for task in &spec.tasks {
                let undo = task.undo.as_ref();
                let estimate = self.estimate_of(undo);
                let rank = estimate.map_or(0, |estimate| estimate.median_ms);
                let undo = undo.map(|undo| (undo, Fit::of(id, &spec, undo, None)));
                tasks.push(self.compile_step(Kind::Undo, Phase::Dormant, undo, estimate, rank));
            }
        }
        Job {
            id,
            arrival: 0,
            queue: self.ready.use_queue(&spec.namespace, &spec.queue),
            priority: spec.priority,
            escalated: false,
            deadline: deadline.into(),
            deadline_action: spec.deadline_action,
            submitted_at,
            failure_rule: spec.failure_rule,
            intent: Intent::Run,
            written: (JobState::Queued, Intent::Run),
            words: traceparent.map(|traceparent| {
                Box::new(Words {
                    traceparent: Some(traceparent),
                    message: None,
                })
            }),
            counts: Counts::recompute(&tasks),
            stage: Kind::Main,
            tasks,
            ties: Ties::of(&spec, &needs, &ranks),
            may_preempt: spec.may_preempt,
            near: None,
            held_millis: 0,
        }
    }

    fn compile_step(
        &mut self,
        kind: Kind,
        phase: Phase,
        step: Option<(&StepSpec, Fit)>,
        estimate: Option<EstimateView>,
        upward_rank_ms: u64,
    ) -> Task {
        let (step, fit) = step.unzip();
        let estimate_ms = estimate.map_or(0, |estimate| estimate.median_ms);
        let width_millis = step.map_or(0, |step| step.resources.width_millis());
        let work = u128::from(estimate_ms) * u128::from(width_millis) / 1_000;
        let run = step.zip(fit).map(|(step, fit)| Run {
            payload: self.payloads.keep(&step.payload, &step.expected),
            shape: self.ready.use_shape(fit),
            rules: self.rules.keep(&step.rules),
        });
        Task {
            kind,
            run,
            hold_ms: step
                .and_then(|step| step.rules.timeout_ms)
                .or(estimate.map(|estimate| estimate.high_ms))
                .unwrap_or(0),
            estimate_ms,
            is_stated: step.is_some_and(|step| step.expected.stated_ms.is_some()),
            upward_rank_ms,
            work: u64::try_from(work).unwrap_or(MOST_WORK).min(MOST_WORK),
            phase,
            attempt: 0,
            failures: 0,
            losses: 0,
            avoid: None,
            preemptible: step.is_some_and(|step| step.preemptible),
        }
    }
}

/// What each task needs, and its rank; with undo steps behind the tasks if there is one. They need each other the other
/// way round: what was built on a task is taken back first.
fn graph(tasks: &mut [TaskSpec], estimates: &[Option<EstimateView>]) -> (Needs, Ranks) {
    let mut needs: Needs = tasks
        .iter_mut()
        .map(|task| std::mem::take(&mut task.needs))
        .collect();
    let estimate = |task: usize| estimates[task].map_or(0, |estimate| estimate.median_ms);
    let ranks = match &needs[..] {
        [_] => smallvec![estimate(0)],
        needs => dag::upward_ranks(needs, estimate).into(),
    };
    if tasks.iter().any(|task| task.undo.is_some()) {
        let count = tasks.len() as u32;
        let mut undone_before: Vec<Vec<u32>> = vec![Vec::new(); tasks.len()];
        for (task, needs) in (0..).zip(&needs) {
            for needed in needs {
                undone_before[*needed as usize].push(count + task);
            }
        }
        needs.extend(undone_before.into_iter().map(Vec::into_boxed_slice));
    }
    (needs, ranks)
}
