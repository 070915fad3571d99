//! Values that a person writes in one piece: amounts, durations, points in time.
//!
//! All of them are read from the text of the file, so `cpu: 2` and `cpu: "2"` are the same.

use std::{borrow::Cow, time::Duration};

use drover_model::Priority;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// Declares a value that is read from one piece of text.
macro_rules! written {
    ($(#[$doc:meta])* $name:ident($inner:ty), $parse:path, $schema:tt) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Deserialize)]
        #[serde(try_from = "String")]
        pub(super) struct $name(pub(super) $inner);

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                $parse(&text).map(Self)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

written!(
    /// A length of time with its unit.
    Span(Duration), parse_span, {
        "description": "A length of time: 500ms, 30s, 10m, 1h30m, 2d.",
        "type": "string",
        "examples": ["500ms", "30s", "10m", "1h30m"]
    }
);
written!(
    /// A length of time in seconds.
    Seconds(Duration), parse_seconds, {
        "description": "Seconds, decimals allowed.",
        "type": "number",
        "minimum": 0
    }
);
written!(
    /// When a job should be finished.
    DeadlineText(Deadline), parse_deadline, {
        "description": "From submission (10m, 2h) or a point in time (RFC 3339: 2030-01-31T18:00:00Z).",
        "type": "string",
        "examples": ["10m", "2030-01-31T18:00:00Z"]
    }
);
written!(
    /// Processor cores, in thousandths.
    Cores(u64), parse_cores, {
        "description": "Cores: 2, 0.5, or thousandths: 500m.",
        "type": ["number", "string"],
        "minimum": 0,
        "examples": [1, 0.5, "500m"]
    }
);
written!(
    /// An amount of memory or disk, in bytes.
    Bytes(u64), parse_bytes, {
        "description": "Bytes, or an amount with a unit: 256Mi, 2Gi (powers of 1024), 500M, 1G (powers of 1000).",
        "type": ["integer", "string"],
        "minimum": 0,
        "examples": ["256Mi", "2Gi"]
    }
);
written!(
    /// How many.
    Count(u32), parse_count, {
        "type": "integer",
        "minimum": 0,
        "maximum": 4_294_967_295_u32
    }
);
written!(
    /// How many of what a site counts itself.
    Amount(u64), parse_amount, {
        "type": "integer",
        "minimum": 1,
        "maximum": 1_000_000_000_000_u64
    }
);
written!(
    /// How much a preference counts.
    PreferenceWeight(u32), parse_weight, {
        "type": "integer",
        "minimum": 1,
        "maximum": 100
    }
);
written!(
    /// How a process ended.
    ExitCode(i32), parse_exit_code, {
        "type": "integer",
        "minimum": 1,
        "maximum": 255
    }
);
written!(
    /// How often a task may lose its node.
    Losses(u32), parse_losses, {
        "type": "integer",
        "minimum": 1,
        "maximum": 1_000
    }
);
written!(
    /// By how much each wait before a retry is longer than the one before, in thousandths.
    Factor(u32), parse_factor, {
        "description": "At least 1.",
        "type": "number",
        "minimum": 1,
        "maximum": 100
    }
);
written!(
    /// 0.0 to 1.0.
    Chance(f64), parse_chance, {
        "type": "number",
        "minimum": 0,
        "maximum": 1
    }
);
written!(
    /// 0 to 100, or a name.
    PriorityText(u32), parse_priority, {
        "description": "0 (lowest) to 100 (highest), or low (25), normal (50), high (75), urgent (100).",
        "anyOf": [
            {"type": "integer", "minimum": 0, "maximum": 100},
            {"enum": ["low", "normal", "medium", "high", "urgent", "critical"]}
        ]
    }
);

/// When a job should be finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deadline {
    After(Duration),
    At(jiff::Timestamp),
}

pub(crate) fn parse_span(text: &str) -> Result<Duration, String> {
    drover_proto::time::parse_duration(text).map_err(|error| error.to_string())
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds = parse_number(text)
        .ok_or_else(|| format!("expected a number of seconds, found {text:?}"))?;
    if seconds < 0.0 {
        return Err(format!("seconds must not be negative, found {text}"));
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| format!("{text} seconds are too many"))
}

pub(crate) fn parse_deadline(text: &str) -> Result<Deadline, String> {
    if let Ok(at) = text.parse() {
        return Ok(Deadline::At(at));
    }
    parse_span(text).map(Deadline::After).map_err(|_| {
        format!(
            "expected a deadline, found {text:?}\n\
             write a duration from submission (10m, 1h30m) or a point in time (2030-01-31T18:00:00Z)"
        )
    })
}

pub(crate) fn parse_cores(text: &str) -> Result<u64, String> {
    let (number, thousandths) = match text.strip_suffix('m') {
        Some(number) => (number, 1.0),
        None => (text, 1_000.0),
    };
    let value = parse_number(number)
        .ok_or_else(|| format!("expected a number of cores (2, 0.5 or 500m), found {text:?}"))?;
    if value < 0.0 {
        return Err(format!("cpu must not be negative, found {text}"));
    }
    let millis = value * thousandths;
    if millis > 1e9 {
        return Err(format!("{text} cores are more than any host has"));
    }
    if (millis - millis.round()).abs() > 1e-6 {
        return Err(format!("cpu has steps of 0.001 cores, found {text}"));
    }
    Ok(millis.round() as u64)
}

const UNITS: [(&str, f64); 12] = [
    ("Ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("K", 1e3),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("Pi", 1_125_899_906_842_624.0),
    ("P", 1e15),
    ("", 1.0),
];

pub(crate) fn parse_bytes(text: &str) -> Result<u64, String> {
    let plain = text.strip_suffix('B').unwrap_or(text);
    let unit_starts = plain
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(plain.len());
    let (number, unit) = plain.split_at(unit_starts);
    let unit = UNITS.iter().find(|(name, _)| *name == unit.trim());
    let (Some(value), Some((_, factor))) = (parse_number(number.trim()), unit) else {
        return Err(format!(
            "expected an amount of bytes, found {text:?}\n\
             write a number of bytes or an amount with a unit: 256Mi, 2Gi, 500M, 1G"
        ));
    };
    if value < 0.0 {
        return Err(format!(
            "an amount of bytes must not be negative, found {text}"
        ));
    }
    let bytes = value * factor;
    if bytes > 9e18 {
        return Err(format!("{text} is more than any host has"));
    }
    // Beyond 2^53 a float would change the amount.
    Ok(number
        .trim()
        .parse::<u64>()
        .ok()
        .and_then(|whole| whole.checked_mul(*factor as u64))
        .unwrap_or(bytes.round() as u64))
}

fn parse_count(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| match text.parse::<f64>() {
        Ok(value) if value < 0.0 => format!("the number must not be negative, found {text}"),
        _ => format!("expected a whole number, found {text:?}"),
    })
}

/// Its range is checked with the job.
fn parse_amount(text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| format!("expected a whole number of at least 1, found {text:?}"))
}

/// Zero would be taken for the default.
fn parse_weight(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(weight @ 1..=100) => Ok(weight),
        _ => Err(format!("expected a weight from 1 to 100, found {text:?}")),
    }
}

/// Its range is checked with the job.
fn parse_exit_code(text: &str) -> Result<i32, String> {
    text.parse()
        .map_err(|_| format!("expected an exit code from 1 to 255, found {text:?}"))
}

/// Zero would be taken for the default.
fn parse_losses(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(losses @ 1..=1_000) => Ok(losses),
        _ => Err(format!("expected a number from 1 to 1000, found {text:?}")),
    }
}

fn parse_factor(text: &str) -> Result<u32, String> {
    match parse_number(text) {
        Some(value) if (1.0..=100.0).contains(&value) => Ok((value * 1_000.0).round() as u32),
        _ => Err(format!("expected a factor from 1 to 100, found {text:?}")),
    }
}

fn parse_chance(text: &str) -> Result<f64, String> {
    parse_number(text)
        .filter(|value| (0.0..=1.0).contains(value))
        .ok_or_else(|| format!("expected a chance from 0.0 to 1.0, found {text:?}"))
}

pub(crate) fn parse_priority(text: &str) -> Result<u32, String> {
    text.parse::<Priority>()
        .map(|priority| priority.get().into())
        .map_err(|error| error.to_string())
}

/// Digits with at most one point: `inf`, `nan` and `1e5` are not amounts a person means.
fn parse_number(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || c == '.');
    plain.then(|| text.parse().ok()).flatten()
}
