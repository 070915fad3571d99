//! Lines and fields of text traces, as bytes: nothing is copied, and nothing has to be UTF-8.

use super::Problem;

/// Further fields of a line are ignored.
const MOST_FIELDS: usize = 32;

/// Digits of a number before the point; more would not fit the milliseconds that are made of it.
const MOST_DIGITS: usize = 15;

/// Lines with their numbers from 1, without what ends them.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let lines = text.split(|byte| *byte == b'\n');
    (1..).zip(lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line)))
}

/// The fields of one line.
pub(super) struct Fields<'a> {
    line: u64,
    fields: [&'a [u8]; MOST_FIELDS],
    count: usize,
}

impl<'a> Fields<'a> {
    /// Runs of blanks and tabs separate.
    pub(super) fn by_blanks(line: u64, text: &'a [u8]) -> Self {
        let fields = text.split(|byte| matches!(byte, b' ' | b'\t'));
        Self::collect(line, fields.filter(|field| !field.is_empty()))
    }

    /// Each comma separates. There is no quoting in the formats that are read here.
    pub(super) fn by_commas(line: u64, text: &'a [u8]) -> Self {
        Self::collect(line, text.split(|byte| *byte == b','))
    }

    fn collect(line: u64, from: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut fields: [&[u8]; MOST_FIELDS] = [&[]; MOST_FIELDS];
        let mut count = 0;
        for (place, field) in fields.iter_mut().zip(from) {
            *place = field;
            count += 1;
        }
        Self {
            line,
            fields,
            count,
        }
    }

    pub(super) fn as_slice(&self) -> &[&'a [u8]] {
        &self.fields[..self.count]
    }

    /// Columns count from 1, as in messages.
    pub(super) fn bytes(&self, column: usize, expected: &'static str) -> Result<&'a [u8], Problem> {
        let field = self.as_slice().get(column - 1);
        field
            .copied()
            .ok_or_else(|| Problem::missing(self.line, column, expected))
    }

    pub(super) fn text(&self, column: usize, expected: &'static str) -> Result<&'a str, Problem> {
        let bytes = self.bytes(column, expected)?;
        match std::str::from_utf8(bytes) {
            Ok(text) if !text.is_empty() => Ok(text),
            _ => Err(self.unexpected(column, expected)),
        }
    }

    /// A decimal number, in thousandths: seconds as milliseconds.
    pub(super) fn thousandths(
        &self,
        column: usize,
        expected: &'static str,
    ) -> Result<i64, Problem> {
        let bytes = self.bytes(column, expected)?;
        thousandths(bytes).ok_or_else(|| self.unexpected(column, expected))
    }

    /// At least 0.
    pub(super) fn unsigned_thousandths(
        &self,
        column: usize,
        expected: &'static str,
    ) -> Result<u64, Problem> {
        let value = self.thousandths(column, expected)?;
        u64::try_from(value).map_err(|_| self.unexpected(column, expected))
    }

    /// A number without a fraction (`12`, `12.0`).
    pub(super) fn whole(&self, column: usize, expected: &'static str) -> Result<i64, Problem> {
        let value = self.thousandths(column, expected)?;
        if value % 1_000 != 0 {
            return Err(self.unexpected(column, expected));
        }
        Ok(value / 1_000)
    }

    /// A number without a fraction, from 0 to `most`.
    pub(super) fn up_to(
        &self,
        column: usize,
        most: u32,
        expected: &'static str,
    ) -> Result<u32, Problem> {
        match u32::try_from(self.whole(column, expected)?) {
            Ok(value) if value <= most => Ok(value),
            _ => Err(self.unexpected(column, expected)),
        }
    }

    /// What is said of a field that is there and makes no sense.
    pub(super) fn unexpected(&self, column: usize, expected: &'static str) -> Problem {
        let found = self.as_slice().get(column - 1).copied().unwrap_or_default();
        Problem::new(self.line, column, expected, found)
    }
}

/// Plain decimals only, `-12.5`: no exponent, no `NaN`, no blanks. Digits after the third of the fraction are cut off.
pub(super) fn thousandths(bytes: &[u8]) -> Option<i64> {
    let (sign, digits) = match bytes.strip_prefix(b"-") {
        Some(rest) => (-1, rest),
        None => (1, bytes),
    };
    let point = digits.iter().position(|byte| *byte == b'.');
    let (whole, fraction) = match point {
        Some(point) => (&digits[..point], &digits[point + 1..]),
        None => (digits, &digits[digits.len()..]),
    };
    let is_number = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    if whole.is_empty() || whole.len() > MOST_DIGITS || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let thirds = fraction.iter().copied().chain(std::iter::repeat(b'0'));
    let all = whole.iter().copied().chain(thirds.take(3));
    let value = all.fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
    Some(sign * value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_become_thousandths() {
        let cases: [(&[u8], Option<i64>); 12] = [
            (b"0", Some(0)),
            (b"-1", Some(-1_000)),
            (b"100.0", Some(100_000)),
            (b"3.", Some(3_000)),
            (b"1.23456", Some(1_234)),
            (b"999999999999999", Some(999_999_999_999_999_000)),
            (b"1000000000000000", None),
            (b"NaN", None),
            (b"1e5", None),
            (b"-", None),
            (b"", None),
            (b"+1", None),
        ];
        for (text, value) in cases {
            assert_eq!(thousandths(text), value, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn fields_are_found_and_missed() {
        let fields = Fields::by_blanks(7, b"  1\t 2.5  x ");
        assert_eq!(fields.as_slice().len(), 3);
        assert_eq!(fields.whole(1, "an id"), Ok(1));
        let fraction = fields.whole(2, "an id").unwrap_err();
        assert_eq!((fraction.line, fraction.column), (7, 2));
        assert!(fields.thousandths(3, "a number").is_err());
        let missing = fields.bytes(4, "a user").unwrap_err();
        assert_eq!(
            missing.to_string(),
            "line 7, column 4: expected a user, found the end of the line"
        );
        assert_eq!(Fields::by_commas(1, b"a,,b").as_slice().len(), 3);
        assert!(Fields::by_commas(1, b"\xff").text(1, "a name").is_err());
    }

    #[test]
    fn lines_end_in_either_way() {
        let found: Vec<(u64, &[u8])> = lines(b"a\r\nb\n").collect();
        assert_eq!(found, [(1, &b"a"[..]), (2, b"b"), (3, b"")]);
    }
}
