//! From the form of the file to the message that is submitted.

use std::time::Duration;

use bytes::Bytes;
use drover_proto::{
    Violation,
    v1::{self, job_spec, task_spec::Run},
};

use super::{
    quantity::{Deadline, Seconds, Span},
    shape::{
        CommandText, JobFile, OnFailure, ResourcesFile, Retries, SimulateFile, StressFile, TaskFile,
    },
};

pub(super) fn job(file: JobFile) -> Result<v1::JobSpec, Vec<Violation>> {
    let mut violations = Vec::new();
    let tasks = file
        .tasks
        .0
        .into_iter()
        .enumerate()
        .filter_map(|(index, (name, task))| {
            convert_task(name, task)
                .map_err(|(field, problem)| {
                    let field = format!("tasks[{index}].{field}");
                    violations.push(Violation { field, problem });
                })
                .ok()
        })
        .collect();
    if !violations.is_empty() {
        return Err(violations);
    }
    Ok(v1::JobSpec {
        name: file.name,
        namespace: file.namespace.unwrap_or_default(),
        queue: file.queue.unwrap_or_default(),
        priority: file.priority.map(|priority| priority.0),
        deadline: file.deadline.map(|text| deadline(text.0)),
        labels: file.labels,
        on_failure: failure_rule(file.on_failure.as_ref()).into(),
        tasks,
    })
}

pub(crate) fn deadline(deadline: Deadline) -> job_spec::Deadline {
    match deadline {
        Deadline::After(after) => job_spec::Deadline::DeadlineAfter(after.into()),
        Deadline::At(at) => job_spec::Deadline::DeadlineAt(pbjson_types::Timestamp {
            seconds: at.as_second(),
            nanos: at.subsec_nanosecond(),
        }),
    }
}

fn failure_rule(rule: Option<&OnFailure>) -> v1::FailureRule {
    match rule {
        None => v1::FailureRule::Unspecified,
        Some(OnFailure::FailFast) => v1::FailureRule::FailFast,
        Some(OnFailure::Continue) => v1::FailureRule::Continue,
    }
}

/// Field and problem.
type Wrong = (&'static str, String);

fn convert_task(name: String, mut task: TaskFile) -> Result<v1::TaskSpec, Wrong> {
    let run = run(&mut task)?;
    Ok(v1::TaskSpec {
        name,
        needs: task.needs,
        run: Some(run),
        resources: task.resources.map(resources),
        retry: task.retries.map(retry),
        timeout: task.timeout.map(|Span(limit)| limit.into()),
        estimate: task.estimate.map(|Span(estimate)| estimate.into()),
    })
}

fn run(task: &mut TaskFile) -> Result<Run, Wrong> {
    match (
        task.command.take(),
        task.stress.take(),
        task.simulate.take(),
    ) {
        (Some(text), None, None) => command(text, task).map(Run::Command),
        (None, Some(load), None) => {
            no_command_fields(task)?;
            stress(&load).map(Run::Stress)
        }
        (None, None, Some(load)) => {
            no_command_fields(task)?;
            simulate(&load).map(Run::Simulate)
        }
        (None, None, None) => Err((
            "run",
            "the task runs nothing\ngive it one of command, stress and simulate".to_owned(),
        )),
        _ => Err((
            "run",
            "the task runs more than one thing\nkeep one of command, stress and simulate"
                .to_owned(),
        )),
    }
}

fn command(text: CommandText, task: &mut TaskFile) -> Result<v1::Command, Wrong> {
    let argv = match text {
        CommandText::Arguments(arguments) => arguments,
        CommandText::Script(script) if task.shell => vec![script],
        CommandText::Script(_) => {
            return Err((
                "command",
                "the command is one text, which only a shell can take apart\n\
                 write a list ([\"echo\", \"hello\"]), or add `shell: true`"
                    .to_owned(),
            ));
        }
    };
    Ok(v1::Command {
        argv: argv.into_iter().map(Bytes::from).collect(),
        shell: task.shell,
        env: std::mem::take(&mut task.env)
            .into_iter()
            .map(|(name, value)| (name, Bytes::from(value)))
            .collect(),
        cwd: task.cwd.take().unwrap_or_default().into(),
    })
}

/// `env`, `cwd` and `shell` say nothing to a load.
fn no_command_fields(task: &TaskFile) -> Result<(), Wrong> {
    let useless = [
        ("env", !task.env.is_empty()),
        ("cwd", task.cwd.is_some()),
        ("shell", task.shell),
    ];
    match useless.into_iter().find(|(_, given)| *given) {
        Some((field, _)) => Err((
            field,
            format!("`{field}` belongs to a command, and this task has none"),
        )),
        None => Ok(()),
    }
}

fn stress(load: &StressFile) -> Result<v1::Stress, Wrong> {
    Ok(v1::Stress {
        cpu: load.cpu.as_ref().map_or(0, |count| count.0),
        memory_bytes: load.memory.as_ref().map_or(0, |bytes| bytes.0),
        duration: Some(length("stress", load.seconds.as_ref(), load.duration.as_ref())?.into()),
    })
}

fn simulate(load: &SimulateFile) -> Result<v1::Simulate, Wrong> {
    Ok(v1::Simulate {
        duration: Some(length("simulate", load.seconds.as_ref(), load.duration.as_ref())?.into()),
        failure_chance: load.failure_chance.as_ref().map_or(0.0, |chance| chance.0),
    })
}

fn length(
    field: &'static str,
    seconds: Option<&Seconds>,
    duration: Option<&Span>,
) -> Result<Duration, Wrong> {
    match (seconds, duration) {
        (Some(Seconds(length)), None) | (None, Some(Span(length))) => Ok(*length),
        (None, None) => Err((field, format!("`{field}` needs `seconds` or `duration`"))),
        (Some(_), Some(_)) => Err((
            field,
            format!("`{field}` takes `seconds` or `duration`, not both"),
        )),
    }
}

fn resources(file: ResourcesFile) -> v1::Resources {
    v1::Resources {
        cpu_millis: file.cpu.map_or(0, |cores| cores.0),
        memory_bytes: file.memory.map_or(0, |bytes| bytes.0),
        gpus: file.gpu.map_or(0, |count| count.0),
        disk_bytes: file.disk.map_or(0, |bytes| bytes.0),
    }
}

fn retry(retries: Retries) -> v1::RetryRule {
    match retries {
        Retries::Never => v1::RetryRule {
            never: true,
            ..v1::RetryRule::default()
        },
        Retries::Max(retries) => v1::RetryRule {
            retries,
            ..v1::RetryRule::default()
        },
        Retries::Rule(rule) => v1::RetryRule {
            retries: rule.max.0,
            backoff: rule.backoff.map(|Span(wait)| wait.into()),
            factor_permille: rule.factor.map_or(0, |factor| factor.0),
            max_backoff: rule.max_backoff.map(|Span(wait)| wait.into()),
            never: false,
        },
    }
}
