//! One task: what it runs, what it needs, how it is retried.

use bytes::Bytes;
use drover_model::{Resources, RetryRule, TaskSpec};
use pbjson_types::Duration;
use prost::Message as _;

use super::Problems;
use crate::{time, v1};

const DEFAULT_CPU_MILLIS: u64 = 1_000;
const DEFAULT_ESTIMATE_MS: u64 = 60_000;
const MAX_RETRIES: u32 = 1_000;
const FACTOR_PERMILLE: std::ops::RangeInclusive<u32> = 1_000..=100_000;
/// The kernel takes a little more; within this every argument list starts.
const MAX_ARGUMENT_BYTES: usize = 128 * 1024;
/// PATH_MAX of Linux.
const MAX_CWD_BYTES: usize = 4_095;
/// What `stress-ng` starts at most.
const MAX_STRESS_CPU: u32 = 8_192;

/// Checks one task and compiles it. What is wrong is added to `problems`; the value is then of no use.
pub(super) fn compile(
    job_name: &str,
    index: usize,
    task: &v1::TaskSpec,
    needs: Box<[u32]>,
    problems: &mut Problems,
) -> TaskSpec {
    let mut check = Check { index, problems };
    check.run(task.run.as_ref());
    let timeout_ms = check.duration("timeout", task.timeout.as_ref());
    if timeout_ms == Some(0) {
        check.add(
            "timeout",
            "must be longer than 0; leave it out for no limit",
        );
    }
    let estimate_ms = check.duration("estimate", task.estimate.as_ref());
    let retry = check.retry(task.retry.as_ref());
    let resources = check.resources(task);
    TaskSpec {
        needs,
        payload: encode_payload(job_name, task),
        resources,
        retry,
        timeout_ms,
        estimate_ms: estimate_ms
            .or_else(|| run_ms(task.run.as_ref()))
            .or(timeout_ms)
            .unwrap_or(DEFAULT_ESTIMATE_MS),
    }
}

/// What the task says of its own run time.
fn run_ms(run: Option<&v1::task_spec::Run>) -> Option<u64> {
    match run? {
        v1::task_spec::Run::Command(_) => None,
        v1::task_spec::Run::Stress(stress) => time::to_ms(stress.duration.as_ref()?).ok(),
        v1::task_spec::Run::Simulate(simulate) => match &simulate.duration {
            None => Some(0),
            Some(duration) => time::to_ms(duration).ok(),
        },
    }
}

fn encode_payload(job_name: &str, task: &v1::TaskSpec) -> Bytes {
    use v1::{task_payload, task_spec};
    let run = task.run.clone().map(|run| match run {
        task_spec::Run::Command(command) => task_payload::Run::Command(command),
        task_spec::Run::Stress(stress) => task_payload::Run::Stress(stress),
        task_spec::Run::Simulate(simulate) => task_payload::Run::Simulate(simulate),
    });
    v1::TaskPayload {
        job_name: job_name.to_owned(),
        task_name: task.name.clone(),
        run,
    }
    .encode_to_vec()
    .into()
}

struct Check<'a> {
    index: usize,
    problems: &'a mut Problems,
}

impl Check<'_> {
    fn add(&mut self, field: &str, problem: impl Into<String>) {
        self.problems
            .add(format!("tasks[{}].{field}", self.index), problem);
    }

    fn duration(&mut self, field: &str, duration: Option<&Duration>) -> Option<u64> {
        match time::to_ms(duration?) {
            Ok(ms) => Some(ms),
            Err(problem) => {
                self.add(field, problem.to_string());
                None
            }
        }
    }

    fn run(&mut self, run: Option<&v1::task_spec::Run>) {
        match run {
            None => self.add(
                "run",
                "says nothing to run; give one of command, stress or simulate",
            ),
            Some(v1::task_spec::Run::Command(command)) => self.command(command),
            Some(v1::task_spec::Run::Stress(stress)) => self.stress(stress),
            Some(v1::task_spec::Run::Simulate(simulate)) => self.simulate(simulate),
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

    fn retry(&mut self, retry: Option<&v1::RetryRule>) -> RetryRule {
        let mut rule = RetryRule::default();
        let Some(retry) = retry else {
            return rule;
        };
        if retry.retries > MAX_RETRIES {
            self.add(
                "retry.retries",
                format!("must be at most {MAX_RETRIES}, not {}", retry.retries),
            );
        }
        rule.retries = retry.retries;
        if let Some(ms) = self.duration("retry.backoff", retry.backoff.as_ref()) {
            rule.backoff_ms = ms;
            rule.max_backoff_ms = rule.max_backoff_ms.max(ms);
        }
        if let Some(ms) = self.duration("retry.max_backoff", retry.max_backoff.as_ref()) {
            rule.max_backoff_ms = ms;
        }
        if retry.factor_permille != 0 {
            if !FACTOR_PERMILLE.contains(&retry.factor_permille) {
                self.add(
                    "retry.factor_permille",
                    format!(
                        "must be from {} (constant) to {}, not {}",
                        FACTOR_PERMILLE.start(),
                        FACTOR_PERMILLE.end(),
                        retry.factor_permille
                    ),
                );
            }
            rule.factor_permille = retry.factor_permille;
        }
        rule
    }

    fn resources(&mut self, task: &v1::TaskSpec) -> Resources {
        let Some(wanted) = task.resources else {
            let cpu_millis = match &task.run {
                Some(v1::task_spec::Run::Stress(stress)) => u64::from(stress.cpu) * 1_000,
                _ => DEFAULT_CPU_MILLIS,
            };
            return Resources {
                cpu_millis,
                ..Resources::ZERO
            };
        };
        self.amount("resources.cpu_millis", wanted.cpu_millis);
        self.amount("resources.memory_bytes", wanted.memory_bytes);
        self.amount("resources.disk_bytes", wanted.disk_bytes);
        if i32::try_from(wanted.gpus).is_err() {
            self.add("resources.gpus", format!("must be at most {}", i32::MAX));
        }
        Resources {
            cpu_millis: wanted.cpu_millis,
            memory_bytes: wanted.memory_bytes,
            gpus: wanted.gpus,
            disk_bytes: wanted.disk_bytes,
        }
    }

    /// Databases and sums hold signed 64-bit numbers.
    fn amount(&mut self, field: &str, amount: u64) {
        if i64::try_from(amount).is_err() {
            self.add(field, format!("must be at most {}, not {amount}", i64::MAX));
        }
    }
}
