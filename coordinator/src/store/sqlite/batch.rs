//! Rows as one JSON text, an array of arrays: SQLite takes no arrays, and a statement per row would cost a message to
//! its thread each. Bytes go as hexadecimal digits.

use std::fmt::Write;

use serde::Serialize;

/// Columns of a row in order; the statement reads them as `value ->> 0` and so on, from `jsonb_each`: `json_each` would write each
/// row as text again, which every `->>` would then read.
pub(super) struct Batch {
    json: Vec<u8>,
    pub(super) rows: u64,
}

impl Batch {
    pub(super) fn new() -> Self {
        Self {
            json: vec![b'['],
            rows: 0,
        }
    }

    pub(super) fn push(&mut self, columns: &impl Serialize) {
        if self.rows > 0 {
            self.json.push(b',');
        }
        serde_json::to_writer(&mut self.json, columns).expect("strings and integers are JSON");
        self.rows += 1;
    }

    pub(super) fn into_json(mut self) -> String {
        self.json.push(b']');
        String::from_utf8(self.json).expect("JSON is text")
    }
}

/// For `unhex` in the statement.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(
        String::with_capacity(bytes.len() * 2),
        |mut digits, byte| {
            write!(digits, "{byte:02x}").expect("a string takes what it is given");
            digits
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_two_digits_each() {
        assert_eq!(hex(&[0x00, 0x0f, 0xa0, 0xff]), "000fa0ff");
    }

    #[test]
    fn rows_become_arrays() {
        let mut batch = Batch::new();
        batch.push(&("a\"b", None::<i64>, i64::MAX));
        batch.push(&("", Some(-1), 0));
        assert_eq!(batch.rows, 2);
        assert_eq!(
            batch.into_json(),
            r#"[["a\"b",null,9223372036854775807],["",-1,0]]"#
        );
    }
}
