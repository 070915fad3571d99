//! Pages of lists: how many entries, and where the next begins.

use std::hash::{Hash, Hasher as _};

use drover_model::JobId;
use drover_proto::spec::DEFAULT_NAME;
use rustc_hash::FxHasher;

use crate::error::ApiError;

const DEFAULT_SIZE: u32 = 50;
const MAX_SIZE: u32 = 1_000;

/// What was asked for.
pub(super) struct Page {
    pub(super) before: Option<JobId>,
    size: u32,
    /// Of what must stay the same from page to page.
    filters: u64,
}

impl Page {
    pub(super) fn read(size: u32, token: &str, filters: impl Hash) -> Result<Self, ApiError> {
        let mut hasher = FxHasher::default();
        filters.hash(&mut hasher);
        let filters = hasher.finish();
        Ok(Self {
            before: read_token(token, filters)?,
            size: match size {
                0 => DEFAULT_SIZE,
                size => size.min(MAX_SIZE),
            },
            filters,
        })
    }

    /// One more than fits tells whether another page follows.
    pub(super) fn limit(&self) -> u32 {
        self.size + 1
    }

    /// Cuts off what is too much; the token for the next page, if there is one.
    pub(super) fn cut<T>(&self, found: &mut Vec<T>, id: impl Fn(&T) -> JobId) -> String {
        let size = self.size as usize;
        let more = found.len() > size;
        found.truncate(size);
        match found.last() {
            Some(last) if more => write_token(id(last), self.filters),
            _ => String::new(),
        }
    }
}

/// The namespace of a request that may name none.
pub(super) fn namespace(text: &str) -> Result<&str, ApiError> {
    refuse_nul("namespace", text)?;
    Ok(if text.is_empty() { DEFAULT_NAME } else { text })
}

/// PostgreSQL text cannot hold it.
pub(super) fn refuse_nul(field: &str, text: &str) -> Result<(), ApiError> {
    if text.contains('\0') {
        return Err(ApiError::invalid_field(field, "holds a NUL byte"));
    }
    Ok(())
}

fn write_token(last: JobId, filters: u64) -> String {
    format!("{:032x}{filters:016x}", last.0.as_u128())
}

fn read_token(token: &str, filters: u64) -> Result<Option<JobId>, ApiError> {
    if token.is_empty() {
        return Ok(None);
    }
    let wrong = |problem: &str| ApiError::invalid_field("page_token", problem);
    if token.len() != 48 || !token.is_ascii() {
        return Err(wrong("is not a token that a coordinator gave out"));
    }
    let (last, expected) = token.split_at(32);
    match (
        u128::from_str_radix(last, 16),
        u64::from_str_radix(expected, 16),
    ) {
        (Ok(last), Ok(expected)) if expected == filters => Ok(Some(JobId::from_u128(last))),
        (Ok(_), Ok(_)) => Err(wrong(
            "belongs to a list with other filters; start again without it",
        )),
        _ => Err(wrong("is not a token that a coordinator gave out")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_hold_for_their_own_filters_only() {
        let page = Page::read(5, "", ("a", 1)).unwrap();
        let mut found: Vec<JobId> = (0..6).rev().map(JobId::from_u128).collect();
        let token = page.cut(&mut found, |id| *id);
        assert_eq!(found.len(), 5);
        let next = Page::read(9, &token, ("a", 1)).unwrap();
        assert_eq!(next.before, Some(JobId::from_u128(1)));
        assert!(Page::read(5, &token, ("b", 1)).is_err());
        assert_eq!(next.cut(&mut found, |id| *id), "");
        for wrong in ["x", "ä".repeat(24).as_str(), "g".repeat(48).as_str()] {
            assert!(Page::read(5, wrong, 0).is_err());
        }
    }
}
