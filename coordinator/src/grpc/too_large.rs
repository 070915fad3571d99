//! Requests beyond the limit. The library refuses them before a handler sees them, in words of its own; callers hear it as
//! they hear everything else that is wrong with a request.

use tonic::{Code, Status, body::Body, codegen::http::Response};

use crate::error::ApiError;

/// How the library begins. Should it change its words, they pass as they are.
const REFUSAL: &str = "Error, decoded message length too large:";

pub(crate) fn explain(response: Response<Body>) -> Response<Body> {
    match refusal(&response) {
        Some(error) => Status::from(error).into_http(),
        None => response,
    }
}

fn refusal(response: &Response<Body>) -> Option<ApiError> {
    let status = Status::from_header_map(response.headers())?;
    if status.code() != Code::OutOfRange {
        return None;
    }
    let numbers = status.message().strip_prefix(REFUSAL)?;
    let mut numbers = numbers
        .split(|c: char| !c.is_ascii_digit())
        .filter(|digits| !digits.is_empty());
    let (bytes, limit) = (numbers.next()?, numbers.next()?);
    let problem =
        format!("has {bytes} bytes; the limit is {limit} (--max-message-bytes of the coordinator)");
    Some(ApiError::invalid_field("request", problem))
}
