//! A condition on a node.

use std::{fmt, sync::Arc};

use crate::NodeAttributes;

/// Written as `class == gpu && region in (eu-north, eu-west) && !label.spot`. [`str::parse`] reads it, and its
/// `Display` writes it so that reading gives the same again.
#[derive(
    Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize,
)]
pub enum Expression {
    /// At least two.
    All(Box<[Expression]>),
    /// At least two.
    Any(Box<[Expression]>),
    Not(Box<Expression>),
    /// The subject has one of these values. At least one.
    Is {
        subject: Subject,
        one_of: Box<[Arc<str>]>,
    },
    /// The node has the label or region at all.
    Has(Subject),
}

/// What of a node is compared.
#[derive(
    Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize,
)]
pub enum Subject {
    Class,
    Region,
    Label(Arc<str>),
}

impl Expression {
    pub fn holds(&self, node: &NodeAttributes) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(node)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(node)),
            Self::Not(part) => !part.holds(node),
            Self::Is { subject, one_of } => subject
                .of(node)
                .is_some_and(|value| one_of.iter().any(|one| **one == *value)),
            Self::Has(subject) => subject.of(node).is_some(),
        }
    }
}

impl Subject {
    fn of<'a>(&self, node: &'a NodeAttributes) -> Option<&'a str> {
        match self {
            Self::Class => Some(node.class.as_str()),
            Self::Region => node.region.as_deref(),
            Self::Label(name) => node.labels.get(&**name).map(String::as_str),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Class => f.write_str("class"),
            Self::Region => f.write_str("region"),
            Self::Label(name) => write!(f, "label.{}", Value(name)),
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(parts) => write_joined(f, parts, " && "),
            Self::Any(parts) => write_joined(f, parts, " || "),
            Self::Not(part) => write!(f, "!{}", Part(part)),
            Self::Is { subject, one_of } => match &**one_of {
                [one] => write!(f, "{subject} == {}", Value(one)),
                many => {
                    write!(f, "{subject} in (")?;
                    for (place, one) in many.iter().enumerate() {
                        let comma = if place == 0 { "" } else { ", " };
                        write!(f, "{comma}{}", Value(one))?;
                    }
                    f.write_str(")")
                }
            },
            Self::Has(subject) => write!(f, "{subject}"),
        }
    }
}

fn write_joined(f: &mut fmt::Formatter<'_>, parts: &[Expression], with: &str) -> fmt::Result {
    for (place, part) in parts.iter().enumerate() {
        let joint = if place == 0 { "" } else { with };
        write!(f, "{joint}{}", Part(part))?;
    }
    Ok(())
}

/// In parentheses where they are needed.
struct Part<'a>(&'a Expression);

impl fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Expression::Has(_) | Expression::Not(_) => write!(f, "{}", self.0),
            other => write!(f, "({other})"),
        }
    }
}

/// A word, in quotes where it would not be read as one.
struct Value<'a>(&'a str);

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_word = !self.0.is_empty() && self.0.chars().all(super::parse::is_word);
        if is_word && self.0 != "in" && self.0 != "not" {
            return f.write_str(self.0);
        }
        f.write_str("\"")?;
        for character in self.0.chars() {
            if matches!(character, '"' | '\\') {
                f.write_str("\\")?;
            }
            write!(f, "{character}")?;
        }
        f.write_str("\"")
    }
}
