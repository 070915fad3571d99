//! The form of a job file. The JSON Schema is made of these types.

mod forms;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::quantity::{
    Bytes, Chance, Cores, Count, DeadlineText, ExitCode, Factor, Losses, PriorityText, Seconds,
    Span,
};
use forms::Scalar;

/// A job: tasks that form a directed acyclic graph.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Drover job", rename = "Job")]
pub(super) struct JobFile {
    /// For people; need not be unique.
    #[schemars(length(min = 1, max = 200))]
    pub(super) name: String,
    /// Outermost part of every key.
    pub(super) namespace: Option<String>,
    /// Named line in which the tasks wait.
    pub(super) queue: Option<String>,
    pub(super) priority: Option<PriorityText>,
    /// When the job should be finished.
    pub(super) deadline: Option<DeadlineText>,
    /// What happens when the deadline passes before the job has ended.
    pub(super) deadline_action: Option<DeadlineAction>,
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Scalar>")]
    pub(super) labels: BTreeMap<String, String>,
    /// What happens to the rest of the job when a task has failed for good.
    pub(super) on_failure: Option<OnFailure>,
    pub(super) tasks: Tasks,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(super) enum OnFailure {
    /// Running tasks are stopped, waiting ones cancelled.
    FailFast,
    /// Tasks that do not depend on the failed one go on.
    Continue,
    /// As `fail_fast`; then the `undo` steps of the tasks that had succeeded run, in reverse order of the graph.
    Rollback,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(super) enum DeadlineAction {
    /// Nothing.
    None,
    /// The job is stopped, and rolled back if `on_failure` says so.
    Cancel,
    /// Its priority becomes urgent.
    Escalate,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(super) enum OnDisconnect {
    /// It runs on; it may by then run elsewhere as well.
    Keep,
    /// It is killed before it is started elsewhere.
    Stop,
}

/// Name of each task and what it is, in the order of the file.
#[derive(Debug)]
pub(super) struct Tasks(pub(super) Vec<(String, TaskFile)>);

/// A node of the graph. Exactly one of `command`, `stress` and `simulate` says what it runs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Task")]
pub(super) struct TaskFile {
    /// Names of the tasks that must have succeeded before this one starts.
    #[serde(default)]
    pub(super) needs: Vec<String>,
    pub(super) command: Option<CommandText>,
    /// Runs `command` through `/bin/sh -c`.
    #[serde(default)]
    pub(super) shell: bool,
    /// Added to the environment of the command.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Scalar>")]
    pub(super) env: BTreeMap<String, String>,
    /// Working directory of the command.
    pub(super) cwd: Option<String>,
    pub(super) stress: Option<StressFile>,
    pub(super) simulate: Option<SimulateFile>,
    pub(super) resources: Option<ResourcesFile>,
    pub(super) retries: Option<Retries>,
    /// Limit of the run time of one attempt.
    pub(super) timeout: Option<Span>,
    /// How long it may wait for a node, each time it waits.
    pub(super) start_timeout: Option<Span>,
    /// How long a command may go without touching the file that DROVER_PROGRESS_FILE names.
    pub(super) progress_timeout: Option<Span>,
    /// From SIGTERM to SIGKILL when it has to stop, at most 1h.
    pub(super) grace: Option<Span>,
    /// What becomes of it when its host is cut off from the coordinator for long.
    pub(super) on_disconnect: Option<OnDisconnect>,
    /// Takes back what the task did, in a rollback.
    pub(super) undo: Option<UndoFile>,
    /// Runs when all other tasks have ended and what had to be undone is, whatever happened.
    #[serde(default)]
    pub(super) finally: bool,
    /// Expected run time of one attempt, for policies that order by it.
    pub(super) estimate: Option<Span>,
}

/// Exactly one of `command`, `stress` and `simulate` says what it runs; a command finds DROVER_UNDO=1 in its environment.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Undo")]
pub(super) struct UndoFile {
    pub(super) command: Option<CommandText>,
    /// Runs `command` through `/bin/sh -c`.
    #[serde(default)]
    pub(super) shell: bool,
    /// Added to the environment of the command.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Scalar>")]
    pub(super) env: BTreeMap<String, String>,
    /// Working directory of the command.
    pub(super) cwd: Option<String>,
    pub(super) stress: Option<StressFile>,
    pub(super) simulate: Option<SimulateFile>,
    /// As its task, unless given.
    pub(super) resources: Option<ResourcesFile>,
    /// 3 unless given.
    pub(super) retries: Option<Retries>,
    /// Limit of the run time of one attempt.
    pub(super) timeout: Option<Span>,
}

/// A program with its arguments, or a script for the shell.
#[derive(Debug, PartialEq)]
pub(super) enum CommandText {
    Arguments(Vec<String>),
    Script(String),
}

/// A load made by stress-ng.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Stress")]
pub(super) struct StressFile {
    /// Number of cpu workers.
    pub(super) cpu: Option<Count>,
    /// Memory that one worker keeps in use.
    pub(super) memory: Option<Bytes>,
    pub(super) seconds: Option<Seconds>,
    pub(super) duration: Option<Span>,
}

/// A load that only takes time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Simulate")]
pub(super) struct SimulateFile {
    pub(super) seconds: Option<Seconds>,
    pub(super) duration: Option<Span>,
    /// The chance that an attempt fails at its end.
    pub(super) failure_chance: Option<Chance>,
}

/// What a task needs of a node.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Resources")]
pub(super) struct ResourcesFile {
    pub(super) cpu: Option<Cores>,
    pub(super) memory: Option<Bytes>,
    pub(super) gpu: Option<Count>,
    pub(super) disk: Option<Bytes>,
}

/// How often a failed task is tried again.
#[derive(Debug)]
pub(super) enum Retries {
    /// Not even after the loss of a node.
    Never,
    Max(u32),
    Rule(RetryFile),
}

/// The wait before attempt n + 1 is random in 0 to min(max_backoff, backoff * factor^(n - 1)).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Retry")]
pub(super) struct RetryFile {
    /// Attempts after the first that failed.
    pub(super) max: Count,
    pub(super) backoff: Option<Span>,
    pub(super) factor: Option<Factor>,
    pub(super) max_backoff: Option<Span>,
    /// Exit codes after which another attempt may follow; 128 + n is a death by signal n. All, unless given.
    #[serde(default)]
    pub(super) exit_codes: Vec<ExitCode>,
    /// Exit codes after which none follows.
    #[serde(default)]
    pub(super) fatal_exit_codes: Vec<ExitCode>,
    /// The task fails when it has lost its node so often: 3, unless given.
    pub(super) max_lost: Option<Losses>,
}
