//! The history of a run: a digest always, words when somebody wants to read them.

use std::fmt;

use super::moment::Moment;

#[derive(Debug, Default)]
pub struct Trace {
    digest: u64,
    lines: Option<Vec<String>>,
}

impl Trace {
    pub fn new(in_words: bool) -> Self {
        Self {
            digest: 0xcbf2_9ce4_8422_2325,
            lines: in_words.then(Vec::new),
        }
    }

    /// Adds a number to the digest.
    pub fn mix(&mut self, number: u64) {
        let mixed = (self.digest ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.digest = mixed ^ (mixed >> 29);
    }

    /// Equal for equal histories.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    pub fn is_in_words(&self) -> bool {
        self.lines.is_some()
    }

    /// Formats only when somebody reads.
    pub fn tell(&mut self, at: Moment, what: fmt::Arguments<'_>) {
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{at} {what}"));
        }
    }

    pub fn into_lines(self) -> Vec<String> {
        self.lines.unwrap_or_default()
    }
}
