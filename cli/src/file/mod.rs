//! Job files: YAML or JSON in, [`v1::JobSpec`] out, with every problem shown at its place.

mod choice;
mod convert;
mod decode;
mod expression;
mod locate;
mod problem;
mod quantity;
mod shape;
#[cfg(test)]
mod tests;
mod tree;

use std::{cell::RefCell, io::Read as _};

use drover_proto::{
    Violation,
    spec::{self, Limits},
    v1,
};

pub(crate) use choice::{parse_deadline_action, parse_on_disconnect, parse_retries};
pub(crate) use convert::deadline;
pub use problem::FileError;
use problem::{Place, Problem};
pub(crate) use quantity::{
    Deadline, parse_bytes, parse_cores, parse_deadline, parse_priority, parse_span,
};
use shape::{JobFile, Tasks};
use tree::{Node, Value};

/// Why a file gives no jobs.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("cannot read {path}: {cause}")]
    Io {
        path: String,
        #[source]
        cause: std::io::Error,
    },
    #[error(transparent)]
    Wrong(FileError),
}

/// The jobs of a file, one for each document. `-` is the standard input.
pub fn read(path: &str) -> Result<Vec<v1::JobSpec>, ReadError> {
    let mut source = Vec::new();
    let outcome = if path == "-" {
        std::io::stdin().lock().read_to_end(&mut source).map(drop)
    } else {
        std::fs::read(path).map(|read| source = read)
    };
    let io = |cause| ReadError::Io {
        path: path.to_owned(),
        cause,
    };
    outcome.map_err(io)?;
    let source = String::from_utf8(source).map_err(|error| {
        io(std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            error.utf8_error(),
        ))
    })?;
    let shown = if path == "-" { "standard input" } else { path };
    parse(shown, &source).map_err(ReadError::Wrong)
}

/// The jobs of a text. `path` only names it in errors.
pub fn parse(path: &str, source: &str) -> Result<Vec<v1::JobSpec>, FileError> {
    let documents =
        tree::parse(source).map_err(|problem| FileError::new(path, source, vec![problem]))?;
    if documents.is_empty() {
        let empty = Problem {
            place: Place::START,
            message: "there is no job in this file".to_owned(),
            help: Some("a job is a mapping with at least `name` and `tasks`".to_owned()),
        };
        return Err(FileError::new(path, source, vec![empty]));
    }
    let mut problems = Vec::new();
    let mut jobs = Vec::new();
    for document in &documents {
        match job(document, source) {
            Ok(spec) => jobs.push(spec),
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() {
        Ok(jobs)
    } else {
        Err(FileError::new(path, source, problems))
    }
}

/// The JSON Schema of job files.
pub fn schema() -> String {
    let schema = schemars::schema_for!(JobFile);
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is plain JSON");
    text.push('\n');
    text
}

fn job(document: &Node, source: &str) -> Result<v1::JobSpec, Vec<Problem>> {
    let problems = RefCell::new(Vec::new());
    let Some(file) = decode::decode::<JobFile>(document, &problems) else {
        note_tasks(document, &problems);
        let mut found = problems.into_inner();
        found.extend(placed(document, source, expression::wrong(document)));
        return Err(found);
    };
    let spec = convert::job(file).map_err(|mut found| {
        found.extend(expression::wrong(document));
        placed(document, source, found)
    })?;
    match spec::compile(&spec, &Limits::default()) {
        Ok(_) => Ok(spec),
        Err(found) => Err(placed(document, source, found)),
    }
}

/// Decoding ends at the first field of a job that is wrong; its tasks are looked at all the same.
fn note_tasks(document: &Node, problems: &RefCell<Vec<Problem>>) {
    if let Value::Map(entries) = &document.value
        && let Some(entry) = entries.iter().find(|entry| entry.key == "tasks")
    {
        decode::decode::<Tasks>(&entry.node, problems);
    }
}

fn placed(document: &Node, source: &str, violations: Vec<Violation>) -> Vec<Problem> {
    violations
        .into_iter()
        .map(|Violation { field, problem }| {
            let (message, help) = match problem.split_once('\n') {
                Some((message, help)) => (message.to_owned(), Some(help.to_owned())),
                None => (problem, None),
            };
            let (place, node) = locate::locate(document, &field);
            let within = is_expression(&field).then(|| expression::wrong_place(node, source));
            Problem {
                place: within.flatten().unwrap_or(place),
                message: locate::spoken(document, &field) + &message,
                help,
            }
        })
        .collect()
}

fn is_expression(field: &str) -> bool {
    field.ends_with(".require") || field.ends_with(".expression")
}
