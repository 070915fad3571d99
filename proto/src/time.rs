//! Times and durations: wire to model and back, and as people write them.

use drover_model::Timestamp;

/// Nothing may last longer, so that sums of times stay far from the ends of an `i64` of milliseconds.
pub const MAX_DURATION_MS: u64 = 10 * 366 * 24 * 60 * 60 * 1_000;

/// 9999-12-31T23:59:59Z, the last second that RFC 3339 can write.
const MAX_SECONDS: i64 = 253_402_300_799;
const NANOS_PER_MS: i32 = 1_000_000;

/// Not a usable duration or time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeProblem {
    #[error("must not be negative")]
    Negative,
    #[error("must not be longer than 10 years")]
    TooLong,
    #[error("must be between 1970 and the year 9999")]
    OutOfRange,
    #[error("has nanoseconds outside 0 to 999,999,999")]
    Nanos,
}

/// Whole milliseconds, rounded up so that only zero is zero.
///
/// # Errors
/// When it is negative, malformed, or longer than ten years.
pub fn to_ms(duration: &pbjson_types::Duration) -> Result<u64, TimeProblem> {
    if duration.seconds < 0 || duration.nanos < 0 {
        return Err(TimeProblem::Negative);
    }
    if duration.nanos > 999_999_999 {
        return Err(TimeProblem::Nanos);
    }
    let below_second = (duration.nanos + NANOS_PER_MS - 1) / NANOS_PER_MS;
    let ms = duration
        .seconds
        .unsigned_abs()
        .saturating_mul(1_000)
        .saturating_add(u64::from(below_second.unsigned_abs()));
    if ms > MAX_DURATION_MS {
        return Err(TimeProblem::TooLong);
    }
    Ok(ms)
}

/// A duration of whole milliseconds, for the wire.
pub fn duration(ms: u64) -> pbjson_types::Duration {
    std::time::Duration::from_millis(ms).into()
}

/// # Errors
/// When it lies outside 1970 to 9999 or is malformed.
pub fn to_model(at: &pbjson_types::Timestamp) -> Result<Timestamp, TimeProblem> {
    if !(0..=MAX_SECONDS).contains(&at.seconds) {
        return Err(TimeProblem::OutOfRange);
    }
    if !(0..=999_999_999).contains(&at.nanos) {
        return Err(TimeProblem::Nanos);
    }
    Ok(Timestamp(
        at.seconds * 1_000 + i64::from(at.nanos / NANOS_PER_MS),
    ))
}

/// A model time, for the wire.
pub fn from_model(at: Timestamp) -> pbjson_types::Timestamp {
    let below_second = i32::try_from(at.0.rem_euclid(1_000)).expect("less than 1,000");
    pbjson_types::Timestamp {
        seconds: at.0.div_euclid(1_000),
        nanos: below_second * NANOS_PER_MS,
    }
}

/// Not a duration as people write it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseDurationError {
    #[error(
        "a duration is a number with a unit such as 500ms, 10s, 5m, 2h, 7d or 1h30m, not `{0}`"
    )]
    Malformed(String),
    #[error("`{0}` has no unit; write {0}s for seconds, or use ms, m, h or d")]
    NoUnit(String),
    #[error("`{unit}` in `{text}` is not a unit; use ms, s, m, h or d")]
    UnknownUnit { text: String, unit: String },
    #[error("`{0}` is negative; a duration is not")]
    Negative(String),
    #[error("`{0}` is longer than 10 years")]
    TooLong(String),
    #[error("`{text}`: units must go from large to small, each once")]
    Order { text: String },
}

/// Reads `500ms`, `10s`, `1.5h`, `1h30m`: parts from large to small, each once; a fraction only below one millisecond is
/// dropped.
///
/// # Errors
/// Says what is wrong and what a duration looks like.
pub fn parse_duration(text: &str) -> Result<std::time::Duration, ParseDurationError> {
    let own = || text.to_owned();
    let mut rest = text.trim();
    if rest.starts_with('-') {
        return Err(ParseDurationError::Negative(own()));
    }
    if rest.is_empty() {
        return Err(ParseDurationError::Malformed(own()));
    }
    let mut total_ms = 0_u64;
    let mut smallest = u64::MAX;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let letters = after
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let unit_ms = unit_ms(text, number, unit)?;
        if unit_ms >= smallest {
            return Err(ParseDurationError::Order { text: own() });
        }
        smallest = unit_ms;
        let part = part_ms(number, unit_ms).ok_or_else(|| ParseDurationError::Malformed(own()))?;
        total_ms = total_ms.saturating_add(part);
        rest = after;
    }
    if total_ms > MAX_DURATION_MS {
        return Err(ParseDurationError::TooLong(own()));
    }
    Ok(std::time::Duration::from_millis(total_ms))
}

fn unit_ms(text: &str, number: &str, unit: &str) -> Result<u64, ParseDurationError> {
    if number.is_empty() {
        return Err(ParseDurationError::Malformed(text.to_owned()));
    }
    match unit.trim() {
        "ms" => Ok(1),
        "s" => Ok(1_000),
        "m" | "min" => Ok(60_000),
        "h" => Ok(3_600_000),
        "d" => Ok(86_400_000),
        "" => Err(ParseDurationError::NoUnit(text.to_owned())),
        unit => Err(ParseDurationError::UnknownUnit {
            text: text.to_owned(),
            unit: unit.to_owned(),
        }),
    }
}

/// `number` is digits with at most one point in it. Integers only, so that 0.1s is exactly 100 ms.
fn part_ms(number: &str, unit_ms: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || fraction.contains('.') || number.ends_with('.') {
        return None;
    }
    // More digits than any duration needs; saturate, so that the limit is what is reported.
    let whole: u64 = whole.parse().unwrap_or(u64::MAX);
    let mut ms = whole.saturating_mul(unit_ms);
    let mut scale = unit_ms * 1_000;
    let mut fraction_ms = 0;
    for digit in fraction.bytes() {
        scale /= 10;
        fraction_ms += u64::from(digit - b'0') * scale;
    }
    ms = ms.saturating_add(fraction_ms / 1_000);
    Some(ms)
}

/// The shortest way to write whole milliseconds that [`parse_duration`] reads back: `1h30m`, `250ms`.
pub fn format_duration(duration: std::time::Duration) -> String {
    let mut ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if ms == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit_ms, unit) in [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1_000, "s"),
        (1, "ms"),
    ] {
        let count = ms / unit_ms;
        ms %= unit_ms;
        if count > 0 {
            text.push_str(&count.to_string());
            text.push_str(unit);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> Result<u128, ParseDurationError> {
        parse_duration(text).map(|duration| duration.as_millis())
    }

    #[test]
    fn reads_what_people_write() {
        assert_eq!(ms("500ms"), Ok(500));
        assert_eq!(ms("10s"), Ok(10_000));
        assert_eq!(ms("1h30m"), Ok(5_400_000));
        assert_eq!(ms("1h 30m"), Ok(5_400_000));
        assert_eq!(ms("7d"), Ok(604_800_000));
        assert_eq!(ms("0.1s"), Ok(100));
        assert_eq!(ms("1.5h"), Ok(5_400_000));
        assert_eq!(ms("0s"), Ok(0));
    }

    #[test]
    fn says_what_is_wrong() {
        let problem = |text| ms(text).unwrap_err().to_string();
        assert!(problem("10").contains("no unit; write 10s"));
        assert!(problem("10 parsecs").contains("`parsecs`"));
        assert!(problem("-5s").contains("negative"));
        assert!(problem("400000d").contains("10 years"));
        assert!(problem("99999999999999999999999s").contains("10 years"));
        assert!(problem("5m1h").contains("large to small"));
        assert!(problem("5m5m").contains("large to small"));
        for text in ["", " ", "s", ".5s", "5.s", "1.2.3s"] {
            assert!(problem(text).contains("such as 500ms"), "{text}");
        }
        assert!(problem("5é").contains("not a unit"));
    }

    #[test]
    fn formatting_reads_back() {
        for value in [0, 1, 999, 1_000, 61_000, 5_400_000, 90_061_001] {
            let text = format_duration(std::time::Duration::from_millis(value));
            assert_eq!(ms(&text), Ok(u128::from(value)), "{text}");
        }
    }

    #[test]
    fn wire_durations_round_up_and_are_bounded() {
        let wire = |seconds, nanos| to_ms(&pbjson_types::Duration { seconds, nanos });
        assert_eq!(wire(1, 1), Ok(1_001));
        assert_eq!(wire(0, 0), Ok(0));
        assert_eq!(wire(0, -1), Err(TimeProblem::Negative));
        assert_eq!(wire(i64::MAX, 0), Err(TimeProblem::TooLong));
        assert_eq!(wire(i64::MIN, 0), Err(TimeProblem::Negative));
        assert_eq!(wire(0, i32::MAX), Err(TimeProblem::Nanos));
    }

    #[test]
    fn timestamps_go_both_ways() {
        for at in [0, 1, 999, 1_700_000_000_123] {
            assert_eq!(to_model(&from_model(Timestamp(at))), Ok(Timestamp(at)));
        }
        let far = pbjson_types::Timestamp {
            seconds: i64::MAX,
            nanos: 0,
        };
        assert_eq!(to_model(&far), Err(TimeProblem::OutOfRange));
    }
}
