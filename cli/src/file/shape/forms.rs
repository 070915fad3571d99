//! What can be written in more than one form, or keeps the order of the file.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};

use super::{CommandText, Retries, RetryFile, TaskFile, Tasks};

/// Anything written in one piece is taken as it is written.
pub(super) struct Scalar;

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
