//! The form of a job file. The JSON Schema is made of these types.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};

use super::quantity::{
    Bytes, Chance, Cores, Count, DeadlineText, Factor, PriorityText, Seconds, Span,
};

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
    /// When the job should be finished. Missing it kills nothing.
    pub(super) deadline: Option<DeadlineText>,
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
    /// Expected run time of one attempt, for policies that order by it.
    pub(super) estimate: Option<Span>,
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
}

/// Anything written in one piece is taken as it is written.
struct Scalar;

impl JsonSchema for Scalar {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Scalar".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number", "boolean"]})
    }
}

impl<'de> Deserialize<'de> for Tasks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TasksVisitor)
    }
}

struct TasksVisitor;

impl<'de> Visitor<'de> for TasksVisitor {
    type Value = Tasks;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping from the name of each task to what it is")
    }

    /// Goes on after a task that is wrong, so that every wrong task is told of.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tasks, A::Error> {
        let mut tasks = Vec::new();
        let mut failure = None;
        while let Some(name) = map.next_key()? {
            match map.next_value() {
                Ok(task) => tasks.push((name, task)),
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(Tasks(tasks)), Err)
    }
}

impl JsonSchema for Tasks {
    fn schema_name() -> Cow<'static, str> {
        "Tasks".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let task = generator.subschema_for::<TaskFile>();
        json_schema!({
            "description": "Name of each task and what it is.",
            "type": "object",
            "minProperties": 1,
            "additionalProperties": task,
        })
    }
}

impl<'de> Deserialize<'de> for CommandText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CommandVisitor)
    }
}

struct CommandVisitor;

impl<'de> Visitor<'de> for CommandVisitor {
    type Value = CommandText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of program and arguments, or a script with `shell: true`")
    }

    fn visit_str<E>(self, script: &str) -> Result<CommandText, E> {
        Ok(CommandText::Script(script.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<CommandText, A::Error> {
        let mut arguments = Vec::new();
        while let Some(argument) = list.next_element()? {
            arguments.push(argument);
        }
        Ok(CommandText::Arguments(arguments))
    }
}

impl JsonSchema for CommandText {
    fn schema_name() -> Cow<'static, str> {
        "Command".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Program and arguments; or, with `shell: true`, a script (as a list: script and its parameters).",
            "anyOf": [
                {"type": "array", "minItems": 1, "items": {"type": ["string", "number", "boolean"]}},
                {"type": "string"}
            ]
        })
    }
}

impl<'de> Deserialize<'de> for Retries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RetriesVisitor)
    }
}

struct RetriesVisitor;

impl<'de> Visitor<'de> for RetriesVisitor {
    type Value = Retries;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number, `none`, or a mapping with `max`")
    }

    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Retries, E> {
        if value < 0 {
            return Err(E::custom(format!(
                "retries must not be negative, found {value}"
            )));
        }
        u32::try_from(value)
            .map(Retries::Max)
            .map_err(|_| E::custom(format!("{value} retries are too many")))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Retries, E> {
        match text {
            "none" => Ok(Retries::Never),
            _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Retries, A::Error> {
        RetryFile::deserialize(MapAccessDeserializer::new(map)).map(Retries::Rule)
    }
}

impl JsonSchema for Retries {
    fn schema_name() -> Cow<'static, str> {
        "Retries".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let rule = generator.subschema_for::<RetryFile>();
        json_schema!({
            "description": "How often a failed task is tried again. `none`: never, also not when its node is lost.",
            "anyOf": [{"type": "integer", "minimum": 0}, {"const": "none"}, rule]
        })
    }
}
