//! GPU jobs with deadlines: the Philly log of Microsoft with the deadlines that Chronus (Gao et al., SoCC 2021) gave it.
//!
//! Times are minutes. Nothing in the file says so; it follows from its numbers: submissions span 1 to 20,151, which is just
//! below 14 days of 1,440, and no job is shorter than 20 or longer than three such days, while in seconds 30,940 jobs of
//! deep learning would all have come within six hours and most have taken less than one minute. Deadlines have the same
//! unit: they are 1.1 to 5 times the duration for every strict job.
//!
//! The pool of GPUs is one node. A job's class is its queue ([`Class::queue`]), so that missed deadlines of strict jobs can
//! be counted apart, and its user is its owner.

mod columns;
mod to_trace;

use std::{collections::BTreeMap, sync::Arc};

use super::{
    ParseTraceError, Skipped,
    fields::{Fields, lines},
    problem::Judge,
};
use columns::Columns;

const MINUTE_MS: u64 = 60_000;

/// What a missed deadline means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Worthless after it.
    Strict,
    /// Worth less after each of several.
    Soft,
    /// It has none.
    Best,
}

impl Class {
    pub const ALL: [Self; 3] = [Self::Strict, Self::Soft, Self::Best];

    /// The queue of its jobs: what the file calls it.
    pub const fn queue(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Soft => "soft",
            Self::Best => "best",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhillyJob {
    pub name: Arc<str>,
    pub user: Arc<str>,
    pub class: Class,
    /// At least 1.
    pub gpus: u32,
    pub submitted_ms: u64,
    pub run_ms: u64,
    /// From submission. The first of several; none for [`Class::Best`], whatever the file says.
    pub deadline_ms: Option<u64>,
    /// Same user, same network, as many GPUs.
    pub signature: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhillyLog {
    /// By submission; equal ones in the order of the file.
    pub jobs: Vec<PhillyJob>,
    pub skipped: Skipped,
}

/// Reads a log. With `lenient`, lines that make no sense are counted.
///
/// # Errors
/// With the first line that makes no sense, when a column is missing, or when there is no job.
pub fn parse(text: &[u8], lenient: bool) -> Result<PhillyLog, ParseTraceError> {
    const EXPECTED: &str = "a line of column names, then one line for each job";
    let mut lines = lines(text).filter(|(_, line)| !line.trim_ascii().is_empty());
    let empty = ParseTraceError::Empty { expected: EXPECTED };
    let (number, header) = lines.next().ok_or_else(|| empty.clone())?;
    let columns = Columns::find(&Fields::by_commas(number, header))?;
    let mut judge = Judge::new(lenient);
    let mut users = BTreeMap::new();
    let mut jobs = Vec::new();
    for (number, line) in lines {
        let job = columns.job(&Fields::by_commas(number, line), &mut users);
        jobs.extend(judge.take(job)?);
    }
    if jobs.is_empty() {
        return Err(empty);
    }
    jobs.sort_by_key(|job| job.submitted_ms);
    Ok(PhillyLog {
        jobs,
        skipped: judge.skipped,
    })
}

#[cfg(test)]
mod tests;
