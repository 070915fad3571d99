//! A short text in the making.

use crate::DecisionSummary;

/// Text of at most 64 bytes, without an allocation until it is finished: one is made for each attempt, where `format!`
/// would cost as much as finding a node.
pub(crate) struct Line {
    bytes: [u8; Self::LENGTH],
    end: usize,
}

impl Line {
    const LENGTH: usize = 64;

    fn new() -> Self {
        Self {
            bytes: [0; Self::LENGTH],
            end: 0,
        }
    }

    /// What the record keeps of a decision.
    pub(crate) fn of(summary: &DecisionSummary<'_>) -> Self {
        let mut line = Self::new();
        line.push(summary.policy);
        line.push(" ");
        line.push(summary.mode.as_str());
        line.push(if summary.backfilled {
            " backfill rank "
        } else {
            " rank "
        });
        line.push_number(summary.rank);
        line.push(" score ");
        line.push_number(summary.score.into());
        if let Some(score) = summary.runner_up {
            line.push(" over ");
            line.push_number(score.into());
        }
        line
    }

    /// What is beyond the end of the line is left out.
    #[inline]
    fn push(&mut self, text: &str) {
        let length = text.floor_char_boundary(Self::LENGTH - self.end);
        let end = self.end + length;
        self.bytes[self.end..end].copy_from_slice(&text.as_bytes()[..length]);
        self.end = end;
    }

    fn push_number(&mut self, number: u32) {
        let mut unit = 10_u32.pow(number.max(1).ilog10());
        while unit > 0 {
            let digit = b'0' + (number / unit % 10) as u8;
            if let Some(place) = self.bytes.get_mut(self.end) {
                *place = digit;
                self.end += 1;
            }
            unit /= 10;
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.end]).expect("it holds whole characters")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn numbers_are_written_as_by_format() {
        for number in [0, 9, 10, 4_096, u32::MAX] {
            let mut line = Line::new();
            line.push("rank ");
            line.push_number(number);
            assert_eq!(*line.as_str(), *format!("rank {number}"));
        }
    }

    #[test]
    fn what_is_too_long_is_cut() {
        let mut line = Line::new();
        line.push(&"x".repeat(59));
        line.push_number(1_234);
        line.push("ä");
        assert_eq!(*line.as_str(), *("x".repeat(59) + "1234"));
        line.push_number(567);
        assert_eq!(*line.as_str(), *("x".repeat(59) + "12345"));
    }
}
