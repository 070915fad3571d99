//! Names and ids that users choose.

use std::sync::Arc;

use drover_model::JobId;

use super::{Problems, RESERVED_REQUEST_IDS};
use crate::Violation;

/// Namespace and queue of a job that names none.
pub const DEFAULT_NAME: &str = "default";
/// Longest name of a job, namespace, queue, task or label, in characters.
pub const MAX_NAME_CHARS: usize = 200;
/// Longest `request_id`, in characters.
pub const MAX_REQUEST_ID_CHARS: usize = 64;

/// Checks a `request_id`; empty means none.
///
/// # Errors
/// When it is too long, holds control characters, or is one that the coordinator gives itself.
pub fn check_request_id(request_id: &str) -> Result<Option<Arc<str>>, Violation> {
    if request_id.is_empty() {
        return Ok(None);
    }
    let problem = if request_id.starts_with(RESERVED_REQUEST_IDS) {
        Some(format!(
            "must not begin with `{RESERVED_REQUEST_IDS}`: these ids are the coordinator's own"
        ))
    } else {
        text_problem(request_id, MAX_REQUEST_ID_CHARS)
    };
    match problem {
        None => Ok(Some(request_id.into())),
        Some(problem) => Err(Violation {
            field: "request_id".to_owned(),
            problem,
        }),
    }
}

/// The `request_id` of the one replay of a dead job.
pub fn replay_request_id(job: JobId) -> Arc<str> {
    format!("{RESERVED_REQUEST_IDS}replay:{job}").into()
}

impl Problems {
    pub(super) fn check_name(&mut self, field: &str, name: &str) {
        if let Some(problem) = name_problem(name) {
            self.add(field, problem);
        }
    }

    pub(super) fn check_name_or_default(&mut self, field: &str, name: &str) -> Arc<str> {
        if name.is_empty() {
            return DEFAULT_NAME.into();
        }
        self.check_name(field, name);
        name.into()
    }
}

pub(crate) fn name_problem(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("must have a name of 1 to 200 characters".to_owned());
    }
    text_problem(name, MAX_NAME_CHARS)
}

/// Control characters are refused because names end up in terminals, logs and headers; NUL also because PostgreSQL text
/// cannot hold it.
pub(crate) fn text_problem(text: &str, max_chars: usize) -> Option<String> {
    if let Some((place, character)) = text.chars().enumerate().find(|(_, c)| c.is_control()) {
        let name = if character == '\0' {
            "a NUL byte".to_owned()
        } else {
            format!("the control character U+{:04X}", character as u32)
        };
        return Some(format!(
            "holds {name} at character {}; control characters are not allowed",
            place + 1
        ));
    }
    // Bytes are at least as many as characters: most texts need no count.
    if text.len() > max_chars {
        let chars = text.chars().count();
        if chars > max_chars {
            return Some(format!("has {chars} characters; the limit is {max_chars}"));
        }
    }
    None
}
