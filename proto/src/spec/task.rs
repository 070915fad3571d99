//! One task, and its undo step.

use std::{collections::HashMap, sync::Arc};

use drover_model::{Constraints, Expected, Resources, RetryRule, Rules, StepSpec, TaskSpec};

use super::{
    Problems,
    rules::Said,
    run::{self, Check, Speaker},
    signature,
};
use crate::v1::{self, task_payload::Run};

/// What has to be undone should be.
pub(crate) const UNDO_RETRIES: u32 = 3;

/// What the job says that concerns all its tasks.
pub(super) struct Context<'a> {
    pub(super) namespace: &'a str,
    pub(super) queue: &'a str,
    pub(super) job_name: &'a str,
    /// Numbers of the groups of tasks that keep apart.
    pub(super) apart: HashMap<&'a str, u32>,
}

impl Context<'_> {
    /// `own_ms` is what the user or the program says.
    fn expected(&self, own_ms: Option<u64>, rules: &Rules, payload: &v1::TaskPayload) -> Expected {
        Expected {
            stated_ms: own_ms,
            default_ms: rules.timeout_ms.unwrap_or(run::DEFAULT_ESTIMATE_MS),
            signature: signature::of_step(self.namespace, self.queue, payload),
            wide_signature: signature::of_queue(self.namespace, self.queue),
        }
    }
}

/// Checks one task and compiles it. What is wrong is added to `problems`; the value is then of no use.
pub(super) fn compile(
    context: &Context<'_>,
    index: usize,
    task: &v1::TaskSpec,
    needs: Box<[u32]>,
    problems: &mut Problems,
) -> TaskSpec {
    let mut check = Check {
        speaker: Speaker::Task(index),
        problems,
    };
    let step = compile_step(context, task, &mut check);
    if task.finally && task.undo.is_some() {
        check.add(
            "undo",
            "a `finally` task runs when everything has been undone, so that nothing would undo it; leave `undo` out",
        );
    }
    let undo = task.undo.as_ref().map(|undo| {
        check.speaker = Speaker::Undo(index);
        compile_undo(context, task, undo, &step, &mut check)
    });
    TaskSpec {
        needs,
        finally: task.finally,
        step: Some(step),
        undo,
    }
}

fn compile_step(context: &Context<'_>, task: &v1::TaskSpec, check: &mut Check<'_>) -> StepSpec {
    let run = task.run.as_ref().map(run::of_task);
    check.run(run.as_ref());
    let rules = check.rules(Said {
        retry: task.retry.as_ref(),
        timeout: task.timeout.as_ref(),
        start_timeout: task.start_timeout.as_ref(),
        grace: task.grace.as_ref(),
        on_disconnect: task.on_disconnect,
    });
    let estimate_ms = check.duration("estimate", task.estimate.as_ref());
    let own_ms = estimate_ms.or_else(|| run::own_duration_ms(run.as_ref()));
    let resources = match &task.resources {
        Some(wanted) => check.resources(wanted),
        None => run::default_resources(run.as_ref()),
    };
    let gpu_model = check.gpu_model(task.resources.as_ref());
    let payload = v1::TaskPayload {
        job_name: context.job_name.to_owned(),
        task_name: task.name.clone(),
        progress_timeout_ms: progress_timeout_ms(task, run.as_ref(), check),
        undo: false,
        run,
    };
    StepSpec {
        expected: context.expected(own_ms, &rules, &payload),
        payload: run::encode(&payload),
        resources,
        constraints: check.constraints(task.constraints.as_ref(), gpu_model),
        apart: check.apart(task, &context.apart),
        rules,
        preemptible: task.preemptible,
    }
}

/// 0 means for ever.
fn progress_timeout_ms(task: &v1::TaskSpec, run: Option<&Run>, check: &mut Check<'_>) -> u64 {
    let Some(limit) = check.limit("progress_timeout", task.progress_timeout.as_ref()) else {
        return 0;
    };
    if matches!(run, Some(Run::Stress(_) | Run::Simulate(_))) {
        check.add(
            "progress_timeout",
            "only a command can report progress; leave this out, or use `timeout`",
        );
    }
    limit
}

/// An undo step stops as its task does, runs where that may, and asks for the same unless it says otherwise.
fn compile_undo(
    context: &Context<'_>,
    task: &v1::TaskSpec,
    undo: &v1::UndoStep,
    done: &StepSpec,
    check: &mut Check<'_>,
) -> StepSpec {
    let run = undo.run.as_ref().map(run::of_undo);
    check.run(run.as_ref());
    let retry = match &undo.retry {
        Some(retry) => check.retry(retry),
        None => RetryRule {
            retries: UNDO_RETRIES,
            ..RetryRule::default()
        },
    };
    let rules = Rules {
        retry,
        start_timeout_ms: None,
        timeout_ms: check.limit("timeout", undo.timeout.as_ref()),
        grace_ms: done.rules.grace_ms,
        on_disconnect: done.rules.on_disconnect,
    };
    let (resources, constraints) = undo_needs(undo, done, check);
    let own_ms = run::own_duration_ms(run.as_ref());
    let payload = v1::TaskPayload {
        job_name: context.job_name.to_owned(),
        task_name: task.name.clone(),
        progress_timeout_ms: 0,
        undo: true,
        run,
    };
    StepSpec {
        expected: context.expected(own_ms, &rules, &payload),
        payload: run::encode(&payload),
        resources,
        constraints,
        apart: done.apart,
        rules,
        preemptible: false,
    }
}

/// The model of gpus belongs to the gpus: who asks for others, or for none, says which.
fn undo_needs(
    undo: &v1::UndoStep,
    done: &StepSpec,
    check: &mut Check<'_>,
) -> (Resources, Arc<Constraints>) {
    let Some(wanted) = &undo.resources else {
        return (done.resources.clone(), Arc::clone(&done.constraints));
    };
    let constraints = Constraints {
        gpu_model: check.gpu_model(Some(wanted)),
        ..Constraints::clone(&done.constraints)
    };
    let constraints = if constraints.is_none() {
        Constraints::none()
    } else {
        Arc::new(constraints)
    };
    (check.resources(wanted), constraints)
}
