//! A short text in the making.

use smallvec::SmallVec;

/// Text without an allocation until it is finished: one is made for each attempt, where `format!` would cost as much as
/// finding a node.
pub(super) struct Line(SmallVec<[u8; 64]>);

impl Line {
    pub(super) fn new() -> Self {
        Self(SmallVec::new())
    }

    pub(super) fn push(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    pub(super) fn push_number(&mut self, number: u32) {
        let mut digits = [0; u32::MAX.ilog10() as usize + 1];
        let mut first = digits.len();
        let mut rest = number;
        loop {
            first -= 1;
            digits[first] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.0.extend_from_slice(&digits[first..]);
    }

    pub(super) fn finish(&self) -> Box<str> {
        std::str::from_utf8(&self.0)
            .expect("made of whole texts")
            .into()
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
            assert_eq!(*line.finish(), *format!("rank {number}"));
        }
    }
}
