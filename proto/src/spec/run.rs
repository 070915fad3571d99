//! What a step runs, and what it takes of a node.

use std::sync::Arc;

use bytes::Bytes;
use drover_model::Resources;
use pbjson_types::Duration;
use prost::Message as _;

use super::{Problems, names::name_problem};
use crate::{
    resources::{CUSTOM_KINDS, custom_problem, resources_to_model},
    time,
    v1::{self, task_payload::Run},
};

const DEFAULT_CPU_MILLIS: u64 = 1_000;
/// Of what nobody knows anything of.
pub(super) const DEFAULT_ESTIMATE_MS: u64 = 60_000;
/// The kernel takes a little more; within this every argument list starts.
const MAX_ARGUMENT_BYTES: usize = 128 * 1024;
/// PATH_MAX of Linux.
const MAX_CWD_BYTES: usize = 4_095;
/// What `stress-ng` starts at most.
const MAX_STRESS_CPU: u32 = 8_192;

pub(super) fn of_task(run: &v1::task_spec::Run) -> Run {
    use v1::task_spec;
    match run {
        task_spec::Run::Command(command) => Run::Command(command.clone()),
        task_spec::Run::Stress(stress) => Run::Stress(*stress),
        task_spec::Run::Simulate(simulate) => Run::Simulate(*simulate),
    }
}

pub(super) fn of_undo(run: &v1::undo_step::Run) -> Run {
    use v1::undo_step;
    match run {
        undo_step::Run::Command(command) => Run::Command(command.clone()),
        undo_step::Run::Stress(stress) => Run::Stress(*stress),
        undo_step::Run::Simulate(simulate) => Run::Simulate(*simulate),
    }
}

/// How long it runs as it says itself; nothing for a command.
pub(super) fn own_duration_ms(run: Option<&Run>) -> Option<u64> {
    match run? {
        Run::Command(_) => None,
        Run::Stress(stress) => time::to_ms(stress.duration.as_ref()?).ok(),
        Run::Simulate(simulate) => match &simulate.duration {
            None => Some(0),
            Some(duration) => time::to_ms(duration).ok(),
        },
    }
}

pub(super) fn encode(payload: &v1::TaskPayload) -> Bytes {
    payload.encode_to_vec().into()
}

/// What somebody who says nothing of resources gets for this.
pub(super) fn default_resources(run: Option<&Run>) -> Resources {
    let cpu_millis = match run {
        Some(Run::Stress(stress)) => u64::from(stress.cpu) * 1_000,
        _ => DEFAULT_CPU_MILLIS,
    };
    Resources {
        cpu_millis,
        ..Resources::ZERO
    }
}

/// Whose words are checked: they begin the path to what is wrong.
#[derive(Clone, Copy, Debug)]
pub(super) enum Speaker {
    Task(usize),
    Undo(usize),
    Queue,
}

impl Speaker {
    fn path(self, field: &str) -> String {
        match self {
            Self::Task(index) => format!("tasks[{index}].{field}"),
            Self::Undo(index) => format!("tasks[{index}].undo.{field}"),
            Self::Queue => format!("defaults.{field}"),
        }
    }
}

pub(super) struct Check<'a> {
    pub(super) speaker: Speaker,
    pub(super) problems: &'a mut Problems,
}

impl Check<'_> {
    pub(super) fn add(&mut self, field: &str, problem: impl Into<String>) {
        self.problems.add(self.speaker.path(field), problem);
    }

    pub(super) fn duration(&mut self, field: &str, duration: Option<&Duration>) -> Option<u64> {
        match time::to_ms(duration?) {
            Ok(ms) => Some(ms),
            Err(problem) => {
                self.add(field, problem.to_string());
                None
            }
        }
    }

    pub(super) fn run(&mut self, run: Option<&Run>) {
        match run {
            None => self.add(
                "run",
                "says nothing to run; give one of command, stress or simulate",
            ),
            Some(Run::Command(command)) => self.command(command),
            Some(Run::Stress(stress)) => self.stress(stress),
            Some(Run::Simulate(simulate)) => self.simulate(simulate),
        }
    }

    fn command(&mut self, command: &v1::Command) {
        match command.argv.first() {
            None => self.add("command.argv", "is empty; the first entry is what to run"),
            Some(program) if program.is_empty() => {
                self.add("command.argv[0]", "is empty; it is what to run");
            }
            Some(_) => {}
        }
        let mut bytes = 0;
        for (number, argument) in command.argv.iter().enumerate() {
            bytes += argument.len() + 1;
            self.no_nul(argument, || format!("command.argv[{number}]"));
        }
        for (name, value) in &command.env {
            bytes += name.len() + value.len() + 2;
            self.variable(name, value);
        }
        if bytes > MAX_ARGUMENT_BYTES {
            self.add(
                "command",
                format!(
                    "arguments and variables take {bytes} bytes; the limit is {MAX_ARGUMENT_BYTES}. Put what is long \
                     into a file"
                ),
            );
        }
        self.no_nul(&command.cwd, || "command.cwd".to_owned());
        if command.cwd.len() > MAX_CWD_BYTES {
            self.add(
                "command.cwd",
                format!(
                    "has {} bytes; the limit is {MAX_CWD_BYTES}",
                    command.cwd.len()
                ),
            );
        }
    }

    fn variable(&mut self, name: &str, value: &[u8]) {
        let field = || format!("command.env[{name:?}]");
        if name.is_empty() {
            self.add(&field(), "a variable needs a name");
        } else if name.contains('=') {
            self.add(&field(), "the name of a variable cannot hold `=`");
        }
        self.no_nul(name.as_bytes(), field);
        self.no_nul(value, field);
    }

    fn no_nul(&mut self, bytes: &[u8], field: impl Fn() -> String) {
        if let Some(place) = bytes.iter().position(|byte| *byte == 0) {
            self.add(
                &field(),
                format!(
                    "holds a NUL byte at byte {}; no process can be given that",
                    place + 1
                ),
            );
        }
    }

    fn stress(&mut self, stress: &v1::Stress) {
        if stress.cpu == 0 && stress.memory_bytes == 0 {
            self.add("stress", "loads nothing; give cpu, memory or both");
        }
        if stress.cpu > MAX_STRESS_CPU {
            self.add(
                "stress.cpu",
                format!("must be at most {MAX_STRESS_CPU}, not {}", stress.cpu),
            );
        }
        self.amount("stress.memory_bytes", stress.memory_bytes);
        match &stress.duration {
            None => self.add("stress.duration", "is missing; say how long to run"),
            Some(duration) => {
                if self.duration("stress.duration", Some(duration)) == Some(0) {
                    self.add("stress.duration", "must be longer than 0");
                }
            }
        }
    }

    fn simulate(&mut self, simulate: &v1::Simulate) {
        self.duration("simulate.duration", simulate.duration.as_ref());
        // Also false for NaN.
        if !(0.0..=1.0).contains(&simulate.failure_chance) {
            self.add(
                "simulate.failure_chance",
                format!("must be from 0.0 to 1.0, not {}", simulate.failure_chance),
            );
        }
    }

    pub(super) fn resources(&mut self, wanted: &v1::Resources) -> Resources {
        self.amount("resources.cpu_millis", wanted.cpu_millis);
        self.amount("resources.memory_bytes", wanted.memory_bytes);
        self.amount("resources.disk_bytes", wanted.disk_bytes);
        if i32::try_from(wanted.gpus).is_err() {
            self.add("resources.gpus", format!("must be at most {}", i32::MAX));
        }
        self.custom(wanted);
        resources_to_model(wanted)
    }

    fn custom(&mut self, wanted: &v1::Resources) {
        if wanted.custom.len() > CUSTOM_KINDS {
            self.add(
                "resources.custom",
                format!(
                    "has {} entries; the limit is {CUSTOM_KINDS}",
                    wanted.custom.len()
                ),
            );
            return;
        }
        for (name, amount) in &wanted.custom {
            if let Some(problem) = custom_problem(name, *amount) {
                self.add(&format!("resources.custom[{name:?}]"), problem);
            }
        }
    }

    /// The model of the gpus that are wanted.
    pub(super) fn gpu_model(&mut self, wanted: Option<&v1::Resources>) -> Option<Arc<str>> {
        const FIELD: &str = "resources.gpu_model";
        let wanted = wanted.filter(|wanted| !wanted.gpu_model.is_empty())?;
        if let Some(problem) = name_problem(&wanted.gpu_model) {
            self.add(FIELD, problem);
        }
        if wanted.gpus == 0 {
            self.add(
                FIELD,
                "needs `gpus` of at least 1, or nothing has this model",
            );
        }
        Some(wanted.gpu_model.as_str().into())
    }

    /// Databases and sums hold signed 64-bit numbers.
    fn amount(&mut self, field: &str, amount: u64) {
        if i64::try_from(amount).is_err() {
            self.add(field, format!("must be at most {}, not {amount}", i64::MAX));
        }
    }
}
