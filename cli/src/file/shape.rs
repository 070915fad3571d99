//! The form of a job file. The JSON Schema is made of these types.

mod forms;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::quantity::{
    Amount, Bytes, Chance, Cores, Count, DeadlineText, ExitCode, Factor, Losses, PreferenceWeight,
    PriorityText, Seconds, Span,
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
    /// On which nodes it may run, and on which it had better.
    pub(super) constraints: Option<ConstraintsFile>,
    /// Tasks of the job that name the same group are never on one node at the same time.
    #[schemars(length(min = 1, max = 200))]
    pub(super) anti_affinity: Option<String>,
    /// Runs so many instances of it, `NAME[0]` and so on. Excludes `gang`.
    pub(super) array: Option<ArrayFile>,
    /// Runs so many members of it, which start together or not at all. Excludes `array`.
    pub(super) gang: Option<GangFile>,
    /// An urgent job of a queue with preemption may stop it; it then runs again later.
    #[serde(default)]
    pub(super) preemptible: bool,
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
    /// Expected run time of one attempt; learned from earlier runs, unless given.
    pub(super) estimate: Option<Span>,
}

/// Instances of a task. Each finds DROVER_ARRAY_INDEX and DROVER_ARRAY_COUNT in its environment.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Array")]
pub(super) struct ArrayFile {
    pub(super) count: Count,
    /// So many at most are under way at the same time; all, unless given.
    pub(super) parallel: Option<Count>,
    /// The array succeeds although so many of them fail; 0 unless given.
    pub(super) max_failed: Option<Count>,
}

/// Members of a task. Each finds DROVER_GANG_RANK, DROVER_GANG_SIZE and DROVER_GANG_PEERS in its environment.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Gang")]
pub(super) struct GangFile {
    pub(super) size: Count,
    pub(super) topology: Option<Topology>,
}

/// Which nodes the members of a gang get.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum Topology {
    Any,
    /// All of one region.
    SameRegion,
    /// Ranks follow the order of nodes by region and name; DROVER_GANG_LEFT and DROVER_GANG_RIGHT name the neighbours.
    Ring,
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
    /// Of these gpus.
    pub(super) gpu_model: Option<String>,
    pub(super) disk: Option<Bytes>,
    /// What a site counts itself, such as licences.
    #[serde(default)]
    pub(super) custom: BTreeMap<String, Amount>,
}

/// Where a task may run. What is not said is not asked for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Constraints")]
pub(super) struct ConstraintsFile {
    /// Only on nodes that satisfy it, such as `class == gpu && region in (eu-north, eu-west) && !label.spot`.
    pub(super) require: Option<String>,
    /// Nodes that satisfy these are better.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub(super) prefer: Vec<PreferenceFile>,
    /// Only on nodes with at most this network latency.
    pub(super) max_latency: Option<Span>,
    /// Names of nodes on which it never runs.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub(super) avoid: Vec<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Preference")]
pub(super) struct PreferenceFile {
    /// As `require`.
    pub(super) expression: String,
    /// In proportion to the others; 50 unless given.
    pub(super) weight: Option<PreferenceWeight>,
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
