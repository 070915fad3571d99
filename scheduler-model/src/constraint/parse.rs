//! From text to an expression, by recursive descent.
//!
//! ```text
//!   any     = all ("||" all)*
//!   all     = one ("&&" one)*
//!   one     = "!" one | "(" any ")" | subject [relation]
//!   relation = ("==" | "!=") value | ["not"] "in" "(" value ("," value)* ")"
//!   subject = "class" | "region" | "label." value
//!   value   = word | '"' characters, with \" and \\ '"'
//! ```

use std::{str::FromStr, sync::Arc};

use super::{Expression, Subject};
use crate::NodeClass;

/// How deep parentheses and negations may go.
const MAX_DEPTH: u32 = 32;

/// Longest text, in bytes.
const MAX_LENGTH: usize = 4_096;

/// What is wrong with an expression, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at character {position}: {problem}")]
pub struct ParseExpressionError {
    /// Counted from 1.
    pub position: usize,
    pub problem: String,
}

/// What words may hold without quotes.
pub(super) fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.' | '/')
}

impl FromStr for Expression {
    type Err = ParseExpressionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parser = Parser {
            text,
            at: 0,
            depth: 0,
        };
        if text.len() > MAX_LENGTH {
            return Err(parser.error(format!(
                "the expression has {} bytes; at most {MAX_LENGTH} are taken",
                text.len()
            )));
        }
        let expression = parser.any()?;
        match parser.peek() {
            None => Ok(expression),
            Some(')') => Err(parser.error("`)` closes nothing")),
            Some(_) => Err(parser.error("expected `&&`, `||` or the end")),
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    /// In bytes.
    at: usize,
    depth: u32,
}

type Parsed<T> = Result<T, ParseExpressionError>;

impl<'a> Parser<'a> {
    fn any(&mut self) -> Parsed<Expression> {
        self.joined("||", Self::all, Expression::Any)
    }

    fn all(&mut self) -> Parsed<Expression> {
        self.joined("&&", Self::one, Expression::All)
    }

    fn joined(
        &mut self,
        joint: &str,
        part: impl Fn(&mut Self) -> Parsed<Expression>,
        join: impl Fn(Box<[Expression]>) -> Expression,
    ) -> Parsed<Expression> {
        let first = part(self)?;
        let mut parts = vec![first];
        while self.take(joint) {
            parts.push(part(self)?);
        }
        Ok(match parts.len() {
            1 => parts.remove(0),
            _ => join(parts.into_boxed_slice()),
        })
    }

    fn one(&mut self) -> Parsed<Expression> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(format!("nested more than {MAX_DEPTH} deep")));
        }
        let expression = if self.take("!") {
            Expression::Not(Box::new(self.one()?))
        } else if self.take("(") {
            let inner = self.any()?;
            self.expect(")")?;
            inner
        } else {
            let subject = self.subject()?;
            self.relation(subject)?
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn relation(&mut self, subject: Subject) -> Parsed<Expression> {
        if self.take("==") {
            let value = self.value(&subject)?;
            return Ok(is(subject, vec![value]));
        }
        if self.take("!=") {
            let value = self.value(&subject)?;
            return Ok(Expression::Not(Box::new(is(subject, vec![value]))));
        }
        if self.peek() == Some('=') {
            return Err(self.error("expected `==`"));
        }
        let negated = self.take_word("not");
        if self.take_word("in") {
            let list = is(subject.clone(), self.list(&subject)?);
            return Ok(if negated {
                Expression::Not(Box::new(list))
            } else {
                list
            });
        }
        if negated {
            return Err(self.error("expected `in` after `not`"));
        }
        match subject {
            Subject::Class => Err(self.error("every node has a class; compare it with `==`")),
            subject => Ok(Expression::Has(subject)),
        }
    }

    fn list(&mut self, subject: &Subject) -> Parsed<Vec<Arc<str>>> {
        self.expect("(")?;
        let mut values = vec![self.value(subject)?];
        while self.take(",") {
            values.push(self.value(subject)?);
        }
        self.expect(")")?;
        Ok(values)
    }

    fn subject(&mut self) -> Parsed<Subject> {
        const EXPECTED: &str = "expected `class`, `region` or `label.NAME`";
        let start = self.skip_spaces();
        if self.text[start..].starts_with("label.\"") {
            self.at = start + "label.".len();
            return Ok(Subject::Label(self.quoted()?));
        }
        match self.word() {
            Some("class") => Ok(Subject::Class),
            Some("region") => Ok(Subject::Region),
            Some(word) => match word.strip_prefix("label.") {
                Some("") => Err(self.error_at(start, "expected a name after `label.`")),
                Some(name) => Ok(Subject::Label(name.into())),
                None => Err(self.error_at(start, format!("{EXPECTED}, not `{word}`"))),
            },
            None => Err(self.error(EXPECTED)),
        }
    }

    /// A word or quoted text. Classes are known.
    fn value(&mut self, subject: &Subject) -> Parsed<Arc<str>> {
        let start = self.skip_spaces();
        let value: Arc<str> = if self.peek() == Some('"') {
            self.quoted()?
        } else {
            let word = self.word();
            word.ok_or_else(|| self.error("expected a value"))?.into()
        };
        if *subject == Subject::Class
            && let Err(unknown) = value.parse::<NodeClass>()
        {
            return Err(self.error_at(start, unknown.to_string()));
        }
        Ok(value)
    }

    fn quoted(&mut self) -> Parsed<Arc<str>> {
        let start = self.at;
        let mut value = String::new();
        let mut characters = self.text[start + 1..].char_indices();
        while let Some((offset, character)) = characters.next() {
            match character {
                '"' => {
                    self.at = start + 1 + offset + 1;
                    return Ok(value.into());
                }
                '\\' => match characters.next() {
                    Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                    _ => {
                        let at = start + 1 + offset;
                        return Err(self.error_at(at, "after `\\` only `\"` or `\\` may follow"));
                    }
                },
                other => value.push(other),
            }
        }
        Err(self.error_at(start, "the quote is never closed"))
    }

    fn word(&mut self) -> Option<&'a str> {
        let start = self.skip_spaces();
        let text = self.text;
        let rest = &text[start..];
        let length = rest.find(|one| !is_word(one)).unwrap_or(rest.len());
        self.at = start + length;
        (length > 0).then(|| &rest[..length])
    }

    fn take_word(&mut self, word: &str) -> bool {
        let start = self.skip_spaces();
        if self.word() == Some(word) {
            return true;
        }
        self.at = start;
        false
    }

    fn take(&mut self, symbol: &str) -> bool {
        let start = self.skip_spaces();
        let is_there = self.text[start..].starts_with(symbol)
            // `!=` is no negation.
            && !(symbol == "!" && self.text[start..].starts_with("!="));
        if is_there {
            self.at = start + symbol.len();
        }
        is_there
    }

    fn expect(&mut self, symbol: &str) -> Parsed<()> {
        if self.take(symbol) {
            return Ok(());
        }
        Err(self.error(format!("expected `{symbol}`")))
    }

    fn peek(&mut self) -> Option<char> {
        let start = self.skip_spaces();
        self.text[start..].chars().next()
    }

    fn skip_spaces(&mut self) -> usize {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.at
    }

    fn error(&mut self, problem: impl Into<String>) -> ParseExpressionError {
        let at = self.skip_spaces();
        self.error_at(at, problem)
    }

    fn error_at(&self, at: usize, problem: impl Into<String>) -> ParseExpressionError {
        ParseExpressionError {
            position: self.text[..at].chars().count() + 1,
            problem: problem.into(),
        }
    }
}

fn is(subject: Subject, mut one_of: Vec<Arc<str>>) -> Expression {
    one_of.sort_unstable();
    one_of.dedup();
    Expression::Is {
        subject,
        one_of: one_of.into_boxed_slice(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What it is read as, written out, read again.
    #[test]
    fn reading_and_writing_agree() {
        for (text, canonical) in [
            ("class==gpu", "class == gpu"),
            ("class != edge", "!(class == edge)"),
            (
                "region in (eu-west, eu-north) && label.disk == ssd || !label.spot",
                "((region in (eu-north, eu-west)) && (label.disk == ssd)) || !label.spot",
            ),
            (
                "region not in (us) && (class == edge || class == cloud)",
                "!(region == us) && ((class == edge) || (class == cloud))",
            ),
            (r#"label."a b" == "x \"y\"""#, r#"label."a b" == "x \"y\"""#),
            ("!!region", "!!region"),
        ] {
            let expression: Expression = text.parse().unwrap();
            assert_eq!(expression.to_string(), canonical, "{text}");
            assert_eq!(canonical.parse(), Ok(expression), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, position, problem) in [
            ("", 1, "expected `class`"),
            ("class == gqu", 10, "unknown class `gqu`"),
            ("class = gpu", 7, "expected `==`"),
            ("class", 6, "every node has a class"),
            ("(region == eu", 14, "expected `)`"),
            ("region == eu)", 13, "`)` closes nothing"),
            ("region == eu region", 14, "expected `&&`"),
            ("zone == eu", 1, "not `zone`"),
            ("label. == eu", 1, "expected a name"),
            ("région == eu", 1, "not `r`"),
            ("region in eu", 11, "expected `(`"),
            ("region in (eu,)", 15, "expected a value"),
            ("region not eu", 12, "expected `in`"),
            ("region == \"eu", 11, "never closed"),
            ("label.ü == x", 1, "expected a name"),
            ("label.x == é", 12, "expected a value"),
        ] {
            let error = text.parse::<Expression>().unwrap_err();
            assert!(error.problem.contains(problem), "{text}: {error}");
            assert_eq!(error.position, position, "{text}: {error}");
        }
    }

    #[test]
    fn depth_and_length_have_bounds() {
        let deep = format!("{}region{}", "(".repeat(40), ")".repeat(40));
        assert!(deep.parse::<Expression>().is_err());
        let long = format!("region == {}", "x".repeat(5_000));
        assert!(long.parse::<Expression>().is_err());
    }
}
