//! Where in the file a field of the submitted message stands.

use super::{
    problem::Place,
    tree::{Entry, Node, Value},
};

/// The place of `field`, a path like `tasks[3].needs[0]`, or of the nearest thing around it that the file has; and that
/// itself.
pub(super) fn locate<'a>(document: &'a Node, field: &str) -> (Place, &'a Node) {
    let mut node = document;
    let mut place = document.place;
    let mut segments = segments(field).peekable();
    while let Some(segment) = segments.next() {
        let found = match segment {
            Segment::Index(index) => item(node, index),
            // In files these stand beside `command`.
            Segment::Field("command") if segments.peek().is_some_and(beside_command) => continue,
            Segment::Field(name) => entry(node, name),
        };
        if let Some((at, inner)) = found {
            place = at;
            node = inner;
        }
    }
    (place, node)
}

/// `field` in the words of the file: tasks by name instead of number. Empty when the whole document is meant.
pub(super) fn spoken(document: &Node, field: &str) -> String {
    let Some((index, rest)) = field
        .strip_prefix("tasks[")
        .and_then(|rest| rest.split_once(']'))
    else {
        return if field.is_empty() {
            String::new()
        } else {
            format!("`{field}`: ")
        };
    };
    let task = entry(document, "tasks")
        .zip(index.parse().ok())
        .and_then(|((_, tasks), index): (_, usize)| match &tasks.value {
            Value::Map(entries) => entries.get(index),
            _ => None,
        })
        .map_or_else(|| format!("tasks[{index}]"), |entry| entry.key.clone());
    match rest.trim_start_matches('.') {
        "" | "run" => format!("task `{task}`: "),
        "undo.run" => format!("task `{task}`, `undo`: "),
        rest => format!("task `{task}`, `{rest}`: "),
    }
}

enum Segment<'a> {
    Field(&'a str),
    Index(usize),
}

fn segments(path: &str) -> impl Iterator<Item = Segment<'_>> {
    path.split(['.', '[', ']', '"'])
        .filter(|segment| !segment.is_empty())
        .map(|segment| match segment.parse() {
            Ok(index) => Segment::Index(index),
            Err(_) => Segment::Field(segment),
        })
}

fn beside_command(segment: &Segment<'_>) -> bool {
    matches!(segment, Segment::Field("env" | "cwd" | "shell"))
}

/// Tasks are a mapping in the file and a list in the message. A task's place is that of its name.
fn item(node: &Node, index: usize) -> Option<(Place, &Node)> {
    match &node.value {
        Value::List(items) => items.get(index).map(|item| (item.place, item)),
        Value::Map(entries) => entries.get(index).map(
            |Entry {
                 key_place, node, ..
             }| (*key_place, node),
        ),
        _ => None,
    }
}

fn entry<'a>(node: &'a Node, name: &str) -> Option<(Place, &'a Node)> {
    let name = match name {
        "deadline_after" | "deadline_at" => "deadline",
        "retry" => "retries",
        "retries" => "max",
        "factor_permille" => "factor",
        "cpu_millis" => "cpu",
        "memory_bytes" => "memory",
        "gpus" => "gpu",
        "disk_bytes" => "disk",
        "max_latency_ms" => "max_latency",
        "avoid_nodes" => "avoid",
        other => other,
    };
    let Value::Map(entries) = &node.value else {
        return None;
    };
    let Entry {
        key_place, node, ..
    } = entries.iter().find(|entry| entry.key == name)?;
    let has_parts = matches!(node.value, Value::Map(_) | Value::List(_) | Value::Null);
    Some((if has_parts { *key_place } else { node.place }, node))
}
