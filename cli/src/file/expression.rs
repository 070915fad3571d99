//! Where in an expression something is wrong.

use drover_model::Expression;

use super::{
    problem::Place,
    tree::{Node, Value},
};

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
