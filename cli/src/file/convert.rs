//! From the form of the file to the message that is submitted.

mod needs;
mod run;

use drover_proto::{
    Violation,
    v1::{self, job_spec, task_payload::Run, task_spec, undo_step},
};

use super::{
    quantity::{Deadline, Span},
    shape::{
        ArrayFile, DeadlineAction, GangFile, JobFile, OnDisconnect, OnFailure, Retries, TaskFile,
        Topology, UndoFile,
    },
};
use needs::{constraints, resources};
use run::{StepFile, Wrong};

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
        deadline_action: deadline_action(file.deadline_action.as_ref()).into(),
        tasks,
        ..Default::default()
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
        Some(OnFailure::Rollback) => v1::FailureRule::Rollback,
    }
}

fn deadline_action(action: Option<&DeadlineAction>) -> v1::DeadlineAction {
    match action {
        None => v1::DeadlineAction::Unspecified,
        Some(DeadlineAction::None) => v1::DeadlineAction::None,
        Some(DeadlineAction::Cancel) => v1::DeadlineAction::Cancel,
        Some(DeadlineAction::Escalate) => v1::DeadlineAction::Escalate,
    }
}

fn on_disconnect(rule: Option<&OnDisconnect>) -> v1::OnDisconnect {
    match rule {
        None => v1::OnDisconnect::Unspecified,
        Some(OnDisconnect::Keep) => v1::OnDisconnect::Keep,
        Some(OnDisconnect::Stop) => v1::OnDisconnect::Stop,
    }
}

fn convert_task(name: String, task: TaskFile) -> Result<v1::TaskSpec, Wrong> {
    let step = StepFile {
        noun: "task",
        command: task.command,
        shell: task.shell,
        env: task.env,
        cwd: task.cwd,
        stress: task.stress,
        simulate: task.simulate,
    };
    let run = match run::of_step(step)? {
        Run::Command(command) => task_spec::Run::Command(command),
        Run::Stress(stress) => task_spec::Run::Stress(stress),
        Run::Simulate(simulate) => task_spec::Run::Simulate(simulate),
    };
    Ok(v1::TaskSpec {
        name,
        needs: task.needs,
        run: Some(run),
        resources: task.resources.map(resources),
        retry: task.retries.map(retry),
        timeout: task.timeout.map(span),
        estimate: task.estimate.map(span),
        start_timeout: task.start_timeout.map(span),
        progress_timeout: task.progress_timeout.map(span),
        grace: task.grace.map(span),
        on_disconnect: on_disconnect(task.on_disconnect.as_ref()).into(),
        undo: task.undo.map(undo).transpose()?,
        finally: task.finally,
        constraints: task.constraints.map(constraints).transpose()?,
        anti_affinity: task.anti_affinity.unwrap_or_default(),
        preemptible: task.preemptible,
        instances: instances(task.array, task.gang)?,
    })
}

fn instances(
    array: Option<ArrayFile>,
    gang: Option<GangFile>,
) -> Result<Option<task_spec::Instances>, Wrong> {
    match (array, gang) {
        (None, None) => Ok(None),
        (Some(array), None) => Ok(Some(task_spec::Instances::Array(v1::Array {
            count: array.count.0,
            parallel: array.parallel.map_or(0, |limit| limit.0),
            max_failed: array.max_failed.map_or(0, |limit| limit.0),
        }))),
        (None, Some(gang)) => Ok(Some(task_spec::Instances::Gang(v1::Gang {
            size: gang.size.0,
            topology: topology(gang.topology.as_ref()).into(),
        }))),
        (Some(_), Some(_)) => Err((
            "gang".to_owned(),
            "a task is an array or a gang, not both; leave one out".to_owned(),
        )),
    }
}

fn topology(topology: Option<&Topology>) -> v1::Topology {
    match topology {
        None => v1::Topology::Unspecified,
        Some(Topology::Any) => v1::Topology::Any,
        Some(Topology::SameRegion) => v1::Topology::SameRegion,
        Some(Topology::Ring) => v1::Topology::Ring,
    }
}

fn undo(undo: UndoFile) -> Result<v1::UndoStep, Wrong> {
    let step = StepFile {
        noun: "undo step",
        command: undo.command,
        shell: undo.shell,
        env: undo.env,
        cwd: undo.cwd,
        stress: undo.stress,
        simulate: undo.simulate,
    };
    let run = run::of_step(step).map_err(|(field, problem)| (format!("undo.{field}"), problem))?;
    let run = match run {
        Run::Command(command) => undo_step::Run::Command(command),
        Run::Stress(stress) => undo_step::Run::Stress(stress),
        Run::Simulate(simulate) => undo_step::Run::Simulate(simulate),
    };
    Ok(v1::UndoStep {
        run: Some(run),
        resources: undo.resources.map(resources),
        retry: undo.retries.map(retry),
        timeout: undo.timeout.map(span),
    })
}

fn span(Span(length): Span) -> pbjson_types::Duration {
    length.into()
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
            backoff: rule.backoff.map(span),
            factor_permille: rule.factor.map_or(0, |factor| factor.0),
            max_backoff: rule.max_backoff.map(span),
            never: false,
            exit_codes: rule.exit_codes.iter().map(|code| code.0).collect(),
            fatal_exit_codes: rule.fatal_exit_codes.iter().map(|code| code.0).collect(),
            max_lost: rule.max_lost.map_or(0, |losses| losses.0),
        },
    }
}
