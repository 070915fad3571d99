//! What is wrong with a file, and where.

use std::fmt;

use serde_saphyr::Location;

/// A stretch of a file. Lines and columns count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
    /// In characters.
    pub(super) length: usize,
}

impl Place {
    pub(super) const START: Self = Self {
        line: 1,
        column: 1,
        length: 1,
    };
}

impl From<Location> for Place {
    fn from(location: Location) -> Self {
        let number = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
        Self {
            line: number(location.line()).max(1),
            column: number(location.column()).max(1),
            length: number(location.span().len()).max(1),
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) place: Place,
    pub(super) message: String,
    /// What to do about it.
    pub(super) help: Option<String>,
}

/// A file that cannot be used. `Display` shows every problem with its line.
#[derive(Debug, thiserror::Error)]
pub struct FileError {
    path: String,
    text: String,
    problems: Vec<Problem>,
}

impl FileError {
    pub(super) fn new(path: &str, source: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| (problem.place.line, problem.place.column));
        problems.dedup();
        Self {
            path: path.to_owned(),
            text: source.to_owned(),
            problems,
        }
    }

    /// How many things are wrong.
    pub fn count(&self) -> usize {
        self.problems.len()
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            self.show(problem, f)?;
        }
        Ok(())
    }
}

impl FileError {
    fn show(&self, problem: &Problem, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place {
            line,
            column,
            length,
        } = problem.place;
        write!(f, "{}:{line}:{column}: {}", self.path, problem.message)?;
        if let Some(line_text) = self.text.lines().nth(line - 1) {
            let excerpt = Excerpt::around(line_text, column, length);
            let margin = " ".repeat(line.to_string().len());
            write!(
                f,
                "\n{margin} |\n{line} | {}\n{margin} | {}",
                excerpt.text, excerpt.marker
            )?;
        }
        if let Some(help) = &problem.help {
            write!(f, "\n  = {help}")?;
        }
        Ok(())
    }
}

/// The part of a line that a terminal has room for, and the marker under it.
struct Excerpt {
    text: String,
    marker: String,
}

impl Excerpt {
    const WIDTH: usize = 100;

    fn around(line: &str, column: usize, length: usize) -> Self {
        // Tabs and control characters would move the marker.
        let characters: Vec<char> = line
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let place = (column - 1).min(characters.len());
        let start = if characters.len() > Self::WIDTH {
            place.saturating_sub(Self::WIDTH / 2)
        } else {
            0
        };
        let end = (start + Self::WIDTH).min(characters.len());
        let marked = length.min(end.saturating_sub(place)).max(1);
        Self {
            text: characters[start..end]
                .iter()
                .collect::<String>()
                .trim_end()
                .to_owned(),
            marker: " ".repeat(place - start) + &"^".repeat(marked),
        }
    }
}
