//! What is wrong with a trace file: where, what was expected there, and what was found.

use std::{collections::BTreeMap, io, path::PathBuf};

/// How much of a field is shown.
const SHOWN_BYTES: usize = 40;

/// A line that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: expected {expected}, found {found}")]
pub struct Problem {
    /// From 1.
    pub line: u64,
    /// Which field of the line, from 1.
    pub column: usize,
    /// Also the reason under which a lenient reader counts it.
    pub expected: &'static str,
    pub found: String,
}

impl Problem {
    pub(super) fn new(line: u64, column: usize, expected: &'static str, found: &[u8]) -> Self {
        Self {
            line,
            column,
            expected,
            found: shown(found),
        }
    }

    pub(super) fn missing(line: u64, column: usize, expected: &'static str) -> Self {
        Self {
            line,
            column,
            expected,
            found: "the end of the line".to_owned(),
        }
    }
}

/// Garbage must not garble a terminal, nor fill it.
fn shown(field: &[u8]) -> String {
    let cut = &field[..field.len().min(SHOWN_BYTES)];
    let rest = if cut.len() < field.len() { "..." } else { "" };
    format!("\"{}\"{rest}", cut.escape_ascii())
}

/// Why the bytes of a trace cannot be read as such.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseTraceError {
    #[error("{0}")]
    Line(#[from] Problem),
    /// Line and byte of the line, from 1.
    #[error("line {line}, column {column}: {problem}")]
    Json {
        line: usize,
        column: usize,
        problem: String,
    },
    /// Well-formed JSON that says something impossible.
    #[error("{place}: {problem}")]
    Content {
        place: String,
        problem: &'static str,
    },
    #[error("there is no job in it; expected {expected}")]
    Empty { expected: &'static str },
    #[error(
        "windows of {length} jobs do not fit: the last would begin at job {first} (counted from 0), but there are {jobs} jobs; \
         ask for shorter or other windows"
    )]
    Window {
        length: usize,
        first: usize,
        jobs: usize,
    },
    /// A parameter of the reader that makes no sense.
    #[error("{0}")]
    Setting(&'static str),
}

/// Why a trace file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadTraceError {
    #[error("cannot read {}: {source}", file.display())]
    Unreadable { file: PathBuf, source: io::Error },
    #[error("{}, {source}", file.display())]
    Malformed {
        file: PathBuf,
        source: ParseTraceError,
    },
    #[error(
        "{} looks like none of the formats swf, tpch, alibaba, philly and history; if it is one of them, say which",
        file.display()
    )]
    UnknownFormat { file: PathBuf },
}

/// What a lenient reader passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Lines by what was expected in them.
    pub lines: BTreeMap<&'static str, u64>,
}

impl Skipped {
    pub fn total(&self) -> u64 {
        self.lines.values().sum()
    }

    /// Counts those of another file as well.
    pub fn merge(&mut self, other: &Self) {
        for (expected, count) in &other.lines {
            *self.lines.entry(expected).or_default() += count;
        }
    }
}

/// Decides whether a bad line ends the reading or is counted.
#[derive(Debug)]
pub(super) struct Judge {
    pub(super) lenient: bool,
    pub(super) skipped: Skipped,
}

impl Judge {
    pub(super) fn new(lenient: bool) -> Self {
        Self {
            lenient,
            skipped: Skipped::default(),
        }
    }

    /// What a line gave; `None` if it is passed over.
    pub(super) fn take<T>(&mut self, line: Result<T, Problem>) -> Result<Option<T>, Problem> {
        match line {
            Ok(value) => Ok(Some(value)),
            Err(problem) if self.lenient => {
                *self.skipped.lines.entry(problem.expected).or_default() += 1;
                Ok(None)
            }
            Err(problem) => Err(problem),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_where_and_hides_garbage() {
        let problem = Problem::new(3, 4, "a run time in seconds", b"\x1b[2J\xff");
        assert_eq!(
            problem.to_string(),
            r#"line 3, column 4: expected a run time in seconds, found "\x1b[2J\xff""#
        );
        assert!(Problem::new(1, 1, "a number", &[b'x'; 99]).found.len() < 50);
    }

    #[test]
    fn a_lenient_judge_counts_by_reason() {
        let bad = || -> Result<(), _> { Err(Problem::missing(1, 2, "an id")) };
        assert!(Judge::new(false).take(bad()).is_err());
        let mut judge = Judge::new(true);
        assert_eq!(judge.take(bad()), Ok(None));
        assert_eq!(judge.take(bad()), Ok(None));
        assert_eq!(judge.skipped.lines, BTreeMap::from([("an id", 2)]));
        assert_eq!(judge.skipped.total(), 2);
    }
}
