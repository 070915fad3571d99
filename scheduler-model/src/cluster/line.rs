//! A short text in the making.

/// Text of at most 64 bytes, without an allocation until it is finished: one is made for each attempt, where `format!`
/// would cost as much as finding a node.
pub(super) struct Line {
    bytes: [u8; Self::LENGTH],
    end: usize,
}

impl Line {
    const LENGTH: usize = 64;

    pub(super) fn new() -> Self {
        Self {
            bytes: [0; Self::LENGTH],
            end: 0,
        }
    }

    /// What is beyond the end of the line is left out.
    #[inline]
    pub(super) fn push(&mut self, text: &str) {
        let rest = &mut self.bytes[self.end..];
        for (place, byte) in rest.iter_mut().zip(text.bytes()) {
            *place = byte;
        }
        self.end = (self.end + text.len()).min(Self::LENGTH);
    }

    pub(super) fn push_number(&mut self, number: u32) {
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

    pub(super) fn finish(&self) -> Box<str> {
        String::from_utf8_lossy(&self.bytes[..self.end]).into()
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

    #[test]
    fn what_is_too_long_is_cut() {
        let mut line = Line::new();
        line.push(&"x".repeat(60));
        line.push_number(123_456);
        line.push("more");
        assert_eq!(*line.finish(), *("x".repeat(60) + "1234"));
    }
}
