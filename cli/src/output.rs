//! Answers for people and for programs.

use std::{io::Write as _, time::Duration};

use drover_proto::v1;
use pbjson_types::Timestamp;
use serde::Serialize;

use crate::error::CliError;

/// Form of an answer: `Text` is for people, `Json` the message of the API as canonical protobuf JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    #[default]
    Text,
    Json,
}

pub(crate) fn print_json(message: &impl Serialize) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(message)
        .map_err(|error| CliError::io("cannot write JSON")(error.into()))?;
    print(&(text + "\n"))
}

/// A reader that has gone (`| head`) is no error.
pub(crate) fn print(text: &str) -> Result<(), CliError> {
    print_bytes(text.as_bytes())
}

pub(crate) fn print_bytes(bytes: &[u8]) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        outcome => outcome.map_err(CliError::io("cannot write to the standard output")),
    }
}

/// Columns under their headings, as wide as they must be.
pub(crate) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let widths: Vec<usize> = (0..N)
        .map(|column| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.chain([headings[column].len()]).max().unwrap_or(0)
        })
        .collect();
    let headings = headings.map(str::to_owned);
    std::iter::once(&headings)
        .chain(rows)
        .map(|row| {
            let cells = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:width$}"));
            let line = cells.collect::<Vec<_>>().join("  ");
            line.trim_end().to_owned() + "\n"
        })
        .collect()
}

/// `1.5 s`, `2 m 5 s`, `3 h 20 m`.
pub(crate) fn duration(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0 if length.subsec_millis() < 100 => format!("{} ms", length.as_millis()),
        0..60 => format!("{:.1} s", length.as_secs_f64()),
        60..3_600 => format!("{} m {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} m", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

pub(crate) fn bytes(amount: u64) -> String {
    const UNITS: [&str; 5] = ["B", "Ki", "Mi", "Gi", "Ti"];
    let mut value = amount as f64;
    let mut unit = 0;
    while value >= 1_024.0 && unit + 1 < UNITS.len() {
        value /= 1_024.0;
        unit += 1;
    }
    let digits = usize::from(value.fract() > 0.05 && value < 100.0);
    format!("{value:.digits$} {}", UNITS[unit])
}

pub(crate) fn resources(amounts: Option<&v1::Resources>) -> String {
    let mut parts = Vec::new();
    if let Some(amounts) = amounts {
        amount("cpu", amounts.cpu_millis, &mut parts, |millis| {
            (millis as f64 / 1_000.0).to_string()
        });
        amount("memory", amounts.memory_bytes, &mut parts, bytes);
        amount(
            "gpu",
            amounts.gpus.into(),
            &mut parts,
            |gpus| match &*amounts.gpu_model {
                "" => gpus.to_string(),
                model => format!("{gpus} {}", printable(model)),
            },
        );
        amount("disk", amounts.disk_bytes, &mut parts, bytes);
        for (name, count) in &amounts.custom {
            parts.push(format!("{} {count}", printable(name)));
        }
    }
    if parts.is_empty() {
        "nothing".to_owned()
    } else {
        parts.join(", ")
    }
}

fn amount(name: &str, amount: u64, parts: &mut Vec<String>, words: impl Fn(u64) -> String) {
    if amount > 0 {
        parts.push(format!("{name} {}", words(amount)));
    }
}

/// `950 J`, `0.042 kWh`.
pub(crate) fn energy(joules: u64) -> String {
    if joules < 10_000 {
        return format!("{joules} J");
    }
    format!("{:.3} kWh", joules as f64 / 3_600_000.0)
}

/// Weights and scores count in thousandths: `0.25`.
pub(crate) fn thousandths(number: u32) -> String {
    (f64::from(number) / 1_000.0).to_string()
}

/// `edge`; `-` for a node or sum of none.
pub(crate) fn node_class(class: v1::NodeClass) -> String {
    match class {
        v1::NodeClass::Unspecified => "-".to_owned(),
        class => words(class.as_str_name(), "NODE_CLASS_"),
    }
}

/// RFC 3339 with whole seconds, in UTC; `-` when absent.
pub(crate) fn time(at: Option<&Timestamp>) -> String {
    at.and_then(|at| jiff::Timestamp::new(at.seconds, 0).ok())
        .map_or_else(|| "-".to_owned(), |at| at.to_string())
}

pub(crate) fn millis(at: &Timestamp) -> i64 {
    at.seconds * 1_000 + i64::from(at.nanos / 1_000_000)
}

/// From `start` to `end`; `None` when either is missing.
pub(crate) fn between(start: Option<&Timestamp>, end: Option<&Timestamp>) -> Option<Duration> {
    let ms = millis(end?) - millis(start?);
    Some(Duration::from_millis(u64::try_from(ms).unwrap_or(0)))
}

pub(crate) fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// `JOB_STATE_TIMED_OUT` as `timed out`.
pub(crate) fn job_state(state: v1::JobState) -> String {
    words(state.as_str_name(), "JOB_STATE_")
}

pub(crate) fn task_state(state: v1::TaskState) -> String {
    words(state.as_str_name(), "TASK_STATE_")
}

pub(crate) fn attempt_state(state: v1::AttemptState) -> String {
    words(state.as_str_name(), "ATTEMPT_STATE_")
}

pub(crate) fn on_disconnect(rule: v1::OnDisconnect) -> String {
    words(rule.as_str_name(), "ON_DISCONNECT_")
}

pub(crate) fn policy_state(state: v1::PolicyState) -> String {
    words(state.as_str_name(), "POLICY_STATE_")
}

pub(crate) fn policy_event(kind: v1::PolicyEventKind) -> String {
    words(kind.as_str_name(), "POLICY_EVENT_KIND_")
}

pub(crate) fn node_state(state: v1::NodeState) -> String {
    words(state.as_str_name(), "NODE_STATE_")
}

fn words(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix)
        .unwrap_or(name)
        .to_lowercase()
        .replace('_', " ")
}

/// A namespace or queue; one that nobody named is `default`.
pub(crate) fn or_default(name: &str) -> String {
    let name = if name.is_empty() { "default" } else { name };
    printable(name)
}

/// Text of others, without what would take over a terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_well() {
        assert_eq!(bytes(256 << 20), "256 Mi");
        assert_eq!(bytes(1_610_612_736), "1.5 Gi");
        assert_eq!(bytes(10), "10 B");
        assert_eq!(duration(Duration::from_millis(42)), "42 ms");
        assert_eq!(duration(Duration::from_millis(1_540)), "1.5 s");
        assert_eq!(duration(Duration::from_secs(125)), "2 m 5 s");
        assert_eq!(duration(Duration::from_secs(12_000)), "3 h 20 m");
        assert_eq!(energy(950), "950 J");
        assert_eq!(energy(1_800_000), "0.500 kWh");
        assert_eq!(thousandths(250), "0.25");
        assert_eq!(node_class(v1::NodeClass::Gpu), "gpu");
    }

    #[test]
    fn resources_are_listed() {
        assert_eq!(resources(None), "nothing");
        let amounts = v1::Resources {
            cpu_millis: 1_500,
            gpus: 2,
            gpu_model: "h200".to_owned(),
            custom: [("license".to_owned(), 3)].into(),
            ..Default::default()
        };
        assert_eq!(resources(Some(&amounts)), "cpu 1.5, gpu 2 h200, license 3");
    }

    #[test]
    fn columns_line_up() {
        let rows = [
            ["a".to_owned(), "xyz".to_owned()],
            ["long".to_owned(), String::new()],
        ];
        assert_eq!(table(["NAME", "X"], &rows), "NAME  X\na     xyz\nlong\n");
    }

    #[test]
    fn states_are_words() {
        assert_eq!(job_state(v1::JobState::TimedOut), "timed out");
        assert_eq!(task_state(v1::TaskState::UpstreamFailed), "upstream failed");
        assert_eq!(job_state(v1::JobState::RollbackFailed), "rollback failed");
        assert_eq!(on_disconnect(v1::OnDisconnect::Stop), "stop");
    }

    #[test]
    fn no_escape_sequence_reaches_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb"), "a\u{fffd}[2Jb");
    }
}
