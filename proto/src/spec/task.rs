//! One task, and its undo step.

use drover_model::{RetryRule, Rules, StepSpec, TaskSpec};

use super::{
    Problems,
    rules::Said,
    run::{self, Check, Speaker},
};
use crate::v1::{self, task_payload::Run};

/// What has to be undone should be.
pub(crate) const UNDO_RETRIES: u32 = 3;

/// Checks one task and compiles it. What is wrong is added to `problems`; the value is then of no use.
pub(super) fn compile(
    job_name: &str,
    index: usize,
    task: &v1::TaskSpec,
    needs: Box<[u32]>,
    problems: &mut Problems,
) -> TaskSpec {
    let mut check = Check {
        speaker: Speaker::Task(index),
        problems,
    };
    let step = compile_step(job_name, task, &mut check);
    if task.finally && task.undo.is_some() {
        check.add(
            "undo",
            "a `finally` task runs when everything has been undone, so that nothing would undo it; leave `undo` out",
        );
    }
    let undo = task.undo.as_ref().map(|undo| {
        check.speaker = Speaker::Undo(index);
        compile_undo(job_name, &task.name, undo, &step, &mut check)
    });
    TaskSpec {
        needs,
        finally: task.finally,
        step,
        undo,
    }
}

fn compile_step(job_name: &str, task: &v1::TaskSpec, check: &mut Check<'_>) -> StepSpec {
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
    let resources = match &task.resources {
        Some(wanted) => check.resources(wanted),
        None => run::default_resources(run.as_ref()),
    };
    StepSpec {
        estimate_ms: estimate_ms
            .unwrap_or_else(|| run::estimate_ms(run.as_ref(), rules.timeout_ms)),
        payload: run::encode(&v1::TaskPayload {
            job_name: job_name.to_owned(),
            task_name: task.name.clone(),
            progress_timeout_ms: progress_timeout_ms(task, run.as_ref(), check),
            undo: false,
            run,
        }),
        resources,
        rules,
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

/// An undo step stops as its task does, and asks for the same unless it says otherwise.
fn compile_undo(
    job_name: &str,
    task_name: &str,
    undo: &v1::UndoStep,
    task: &StepSpec,
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
        grace_ms: task.rules.grace_ms,
        on_disconnect: task.rules.on_disconnect,
    };
    let resources = undo
        .resources
        .as_ref()
        .map_or(task.resources, |wanted| check.resources(wanted));
    StepSpec {
        estimate_ms: run::estimate_ms(run.as_ref(), rules.timeout_ms),
        payload: run::encode(&v1::TaskPayload {
            job_name: job_name.to_owned(),
            task_name: task_name.to_owned(),
            progress_timeout_ms: 0,
            undo: true,
            run,
        }),
        resources,
        rules,
    }
}
