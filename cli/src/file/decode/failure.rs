//! Why decoding fails, in words for people.

use std::fmt;

use serde::de;

/// Fails with the message, which is noted with the place where it arose.
#[derive(Debug)]
pub(super) enum Failure {
    /// Not noted yet.
    Message {
        message: String,
        help: Option<String>,
    },
    /// Not noted yet: this was expected, the node shows what is there.
    Expected(String),
    Noted,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message { message, .. } => f.write_str(message),
            Self::Expected(expected) => write!(f, "expected {expected}"),
            Self::Noted => f.write_str("a problem was noted"),
        }
    }
}

impl std::error::Error for Failure {}

impl de::Error for Failure {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let message = message.to_string();
        let (message, help) = match message.split_once('\n') {
            Some((message, help)) => (message.to_owned(), Some(help.to_owned())),
            None => (message, None),
        };
        Self::Message { message, help }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::custom(format!("field `{field}` is missing"))
    }

    fn invalid_type(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::Expected(plain(expected))
    }

    fn invalid_value(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::Expected(plain(expected))
    }

    fn unknown_field(field: &str, fields: &'static [&'static str]) -> Self {
        Self::Message {
            message: format!("unknown field `{field}`"),
            help: Some(suggest(field, fields)),
        }
    }
}

/// Serde's words for its own types, in the words of YAML.
pub(super) fn plain(expected: &dyn de::Expected) -> String {
    match expected.to_string().as_str() {
        "a sequence" => "a list".to_owned(),
        "a map" => "a mapping".to_owned(),
        "a string" => "a text".to_owned(),
        other => other.to_owned(),
    }
}

/// `a, b or c`.
pub(super) fn one_of(variants: &[&str]) -> String {
    match variants {
        [others @ .., last] if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => variants.concat(),
    }
}

pub(super) fn suggest(field: &str, fields: &[&str]) -> String {
    let nearest = fields
        .iter()
        .map(|known| (strsim::damerau_levenshtein(field, known), known))
        .filter(|(distance, known)| *distance <= 1 + known.len() / 3)
        .min();
    let all = fields.join(", ");
    match nearest {
        Some((_, known)) => format!("did you mean `{known}`? The fields here are {all}"),
        None => format!("the fields here are {all}"),
    }
}
