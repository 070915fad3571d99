//! Where in an expression something is wrong.

use drover_model::{Expression, ParseExpressionError};
use drover_proto::Violation;

use super::{
    problem::Place,
    tree::{Entry, Node, Value},
};

/// All expressions of the job's tasks that are, for a file that is wrong otherwise, too: what it says has not been checked
/// then.
pub(super) fn wrong(document: &Node) -> Vec<Violation> {
    let mut found = Vec::new();
    let tasks = field(document, "tasks").map_or(&[][..], entries);
    for (index, task) in tasks.iter().enumerate() {
        let Some(constraints) = field(&task.node, "constraints") else {
            continue;
        };
        let mut check = |path: &str, node: Option<&Node>| {
            if let Some(Err(problem)) = node.and_then(read) {
                found.push(Violation {
                    field: format!("tasks[{index}].constraints.{path}"),
                    problem: problem.to_string(),
                });
            }
        };
        check("require", field(constraints, "require"));
        let preferred = field(constraints, "prefer").map_or(&[][..], items);
        for (place, one) in preferred.iter().enumerate() {
            check(
                &format!("prefer[{place}].expression"),
                field(one, "expression"),
            );
        }
    }
    found
}

/// `None`: it is no text, which is told elsewhere.
fn read(node: &Node) -> Option<Result<Expression, ParseExpressionError>> {
    match &node.value {
        Value::Text(text) => Some(text.parse()),
        _ => None,
    }
}

fn entries(node: &Node) -> &[Entry] {
    match &node.value {
        Value::Map(entries) => entries,
        _ => &[],
    }
}

fn items(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        _ => &[],
    }
}

fn field<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    let mut entries = entries(node).iter();
    let entry = entries.find(|entry| entry.key == name)?;
    Some(&entry.node)
}

/// The character of the file at which an expression is wrong; `None` where it does not stand in the file letter by letter,
/// on one line.
pub(super) fn wrong_place(node: &Node, source: &str) -> Option<Place> {
    let Value::Text(text) = &node.value else {
        return None;
    };
    let wrong = text.parse::<Expression>().err()?;
    let line = source.lines().nth(node.place.line - 1)?;
    let mut written = line.chars().skip(node.place.column - 1).peekable();
    let quote = written.next_if(|first| matches!(first, '"' | '\''));
    if !text
        .chars()
        .all(|character| written.next() == Some(character))
    {
        return None;
    }
    Some(Place {
        column: node.place.column + usize::from(quote.is_some()) + wrong.position - 1,
        length: 1,
        ..node.place
    })
}
