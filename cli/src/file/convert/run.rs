//! What a task or an undo step runs.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use drover_proto::v1::{self, task_payload::Run};

use crate::file::{
    quantity::{Seconds, Span},
    shape::{CommandText, SimulateFile, StressFile},
};

/// Field and problem.
pub(super) type Wrong = (String, String);

/// What the file says of it.
pub(super) struct StepFile {
    /// What it is, for people.
    pub(super) noun: &'static str,
    pub(super) command: Option<CommandText>,
    pub(super) shell: bool,
    pub(super) env: BTreeMap<String, String>,
    pub(super) cwd: Option<String>,
    pub(super) stress: Option<StressFile>,
    pub(super) simulate: Option<SimulateFile>,
}

pub(super) fn of_step(mut step: StepFile) -> Result<Run, Wrong> {
    let wrong = |problem: String| Err(("run".to_owned(), problem));
    match (
        step.command.take(),
        step.stress.take(),
        step.simulate.take(),
    ) {
        (Some(text), None, None) => command(text, step).map(Run::Command),
        (None, Some(load), None) => {
            no_command_fields(&step)?;
            stress(&load).map(Run::Stress)
        }
        (None, None, Some(load)) => {
            no_command_fields(&step)?;
            simulate(&load).map(Run::Simulate)
        }
        (None, None, None) => wrong(format!(
            "the {} runs nothing\ngive it one of command, stress and simulate",
            step.noun
        )),
        _ => wrong(format!(
            "the {} runs more than one thing\nkeep one of command, stress and simulate",
            step.noun
        )),
    }
}

fn command(text: CommandText, step: StepFile) -> Result<v1::Command, Wrong> {
    let argv = match text {
        CommandText::Arguments(arguments) => arguments,
        CommandText::Script(script) if step.shell => vec![script],
        CommandText::Script(_) => {
            return Err((
                "command".to_owned(),
                "the command is one text, which only a shell can take apart\n\
                 write a list ([\"echo\", \"hello\"]), or add `shell: true`"
                    .to_owned(),
            ));
        }
    };
    Ok(v1::Command {
        argv: argv.into_iter().map(Bytes::from).collect(),
        shell: step.shell,
        env: step
            .env
            .into_iter()
            .map(|(name, value)| (name, Bytes::from(value)))
            .collect(),
        cwd: step.cwd.unwrap_or_default().into(),
    })
}

/// `env`, `cwd` and `shell` say nothing to a load.
fn no_command_fields(step: &StepFile) -> Result<(), Wrong> {
    let useless = [
        ("env", !step.env.is_empty()),
        ("cwd", step.cwd.is_some()),
        ("shell", step.shell),
    ];
    match useless.into_iter().find(|(_, given)| *given) {
        Some((field, _)) => Err((
            field.to_owned(),
            format!(
                "`{field}` belongs to a command, and this {} has none",
                step.noun
            ),
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
    field: &str,
    seconds: Option<&Seconds>,
    duration: Option<&Span>,
) -> Result<Duration, Wrong> {
    let wrong = |problem| Err((field.to_owned(), problem));
    match (seconds, duration) {
        (Some(Seconds(length)), None) | (None, Some(Span(length))) => Ok(*length),
        (None, None) => wrong(format!("`{field}` needs `seconds` or `duration`")),
        (Some(_), Some(_)) => wrong(format!("`{field}` takes `seconds` or `duration`, not both")),
    }
}
