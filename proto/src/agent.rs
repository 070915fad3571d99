//! The agent protocol: wire to model and back.
//!
//! What comes from the wire is refused here unless it follows the protocol, so that nothing an agent sends can reach a
//! database constraint or an assert.

mod attributes;
mod orders;

use bytes::Bytes;
use drover_model::{
    AttemptKey, JobId, Join, Outcome, Report, ReportBatch, ReportKind, Resources, Timestamp,
};

pub use attributes::check_attributes;
use attributes::{attributes_from_wire, attributes_to_wire, text};
pub use orders::{
    assign_from_wire, assign_to_wire, stop_from_wire, stop_to_wire, welcome_from_wire,
    welcome_to_wire,
};

pub use crate::resources::{resources_to_model, resources_to_wire};
use crate::{
    DecodeError,
    resources::{CUSTOM_KINDS, custom_problem},
    v1,
};

/// Longest text of a message, a label or a version, in bytes.
pub const TEXT_BYTES: usize = 1_024;

/// Longest name of a node, in characters.
pub const NODE_NAME_CHARS: usize = 100;

const KEYS_OF_JOIN: usize = 1_000_000;

pub fn key_from_wire(key: Option<&v1::AttemptKey>) -> Result<AttemptKey, DecodeError> {
    let key = key.ok_or(wrong("key", "is missing"))?;
    let job = JobId::from_slice(&key.job_id).ok_or(wrong("job_id", "must hold 16 bytes"))?;
    if i32::try_from(key.task).is_err() {
        return Err(wrong("task", "is too large"));
    }
    if key.attempt == 0 || i32::try_from(key.attempt).is_err() {
        return Err(wrong("attempt", "must be between 1 and 2,147,483,647"));
    }
    Ok(AttemptKey {
        job,
        task: key.task,
        attempt: key.attempt,
    })
}

pub fn key_to_wire(key: AttemptKey) -> v1::AttemptKey {
    v1::AttemptKey {
        job_id: Bytes::copy_from_slice(key.job.as_bytes()),
        task: key.task,
        attempt: key.attempt,
    }
}

/// Absent means nothing of anything.
pub fn resources_from_wire(resources: Option<&v1::Resources>) -> Result<Resources, DecodeError> {
    let Some(resources) = resources else {
        return Ok(Resources::ZERO);
    };
    for (field, amount) in [
        ("cpu_millis", resources.cpu_millis),
        ("memory_bytes", resources.memory_bytes),
        ("disk_bytes", resources.disk_bytes),
    ] {
        storable(field, amount)?;
    }
    if i32::try_from(resources.gpus).is_err() {
        return Err(wrong("gpus", "is too large"));
    }
    if resources.custom.len() > CUSTOM_KINDS {
        return Err(wrong("custom", "has more than 16 entries"));
    }
    let mut custom = resources.custom.iter();
    match custom.find_map(|(name, amount)| custom_problem(name, *amount)) {
        Some(problem) => Err(wrong("custom", problem)),
        None => Ok(resources_to_model(resources)),
    }
}

/// The protocol version is the caller's to judge, before this.
pub fn join_from_wire(join: v1::Join) -> Result<Join, DecodeError> {
    check_node_name(&join.node)?;
    storable("incarnation", join.incarnation)?;
    check_text("agent_version", &join.agent_version)?;
    let capacity = join.capacity.unwrap_or_default();
    if join.running.len() > KEYS_OF_JOIN {
        return Err(wrong("running", "has more than 1,000,000 entries"));
    }
    Ok(Join {
        node: join.node.into(),
        incarnation: join.incarnation,
        agent_version: join.agent_version.into_boxed_str(),
        attributes: attributes_from_wire(join.attributes, &capacity.gpu_model)?,
        capacity: resources_from_wire(Some(&capacity))?,
        running: keys_from_wire(&join.running)?,
        reports: reports_from_wire(join.reports.unwrap_or_default())?,
    })
}

pub fn join_to_wire(join: Join) -> v1::Join {
    v1::Join {
        node: join.node.as_ref().to_owned(),
        incarnation: join.incarnation,
        protocol_version: crate::AGENT_PROTOCOL_VERSION,
        agent_version: join.agent_version.into_string(),
        capacity: Some(v1::Resources {
            gpu_model: text(join.attributes.gpu_model.as_deref()),
            ..resources_to_wire(&join.capacity)
        }),
        attributes: Some(attributes_to_wire(join.attributes)),
        running: join.running.into_iter().map(key_to_wire).collect(),
        reports: Some(reports_to_wire(join.reports)),
    }
}

pub fn keys_from_wire(keys: &[v1::AttemptKey]) -> Result<Vec<AttemptKey>, DecodeError> {
    keys.iter().map(|key| key_from_wire(Some(key))).collect()
}

pub fn reports_from_wire(reports: v1::Reports) -> Result<ReportBatch, DecodeError> {
    if reports.sequence < reports.reports.len() as u64 {
        return Err(wrong("sequence", "is lower than the number of reports"));
    }
    storable("sequence", reports.sequence)?;
    Ok(ReportBatch {
        sequence: reports.sequence,
        reports: reports
            .reports
            .into_iter()
            .map(report_from_wire)
            .collect::<Result<_, _>>()?,
    })
}

pub fn reports_to_wire(batch: ReportBatch) -> v1::Reports {
    v1::Reports {
        sequence: batch.sequence,
        reports: batch.reports.into_iter().map(report_to_wire).collect(),
    }
}

/// 1 to 100 characters, none of them a control character or at either end a space.
pub fn check_node_name(name: &str) -> Result<(), DecodeError> {
    let length = name.chars().count();
    if length == 0 || length > NODE_NAME_CHARS {
        return Err(wrong("node", "must have 1 to 100 characters"));
    }
    if name.chars().any(char::is_control) || name.trim() != name {
        return Err(wrong(
            "node",
            "must not hold control characters, or begin or end with a space",
        ));
    }
    Ok(())
}

fn report_from_wire(report: v1::Report) -> Result<Report, DecodeError> {
    let key = key_from_wire(report.key.as_ref())?;
    let what = match report.what.ok_or(wrong("what", "is missing"))? {
        v1::report::What::Started(started) => ReportKind::Started {
            at: Timestamp(started.at_ms),
        },
        v1::report::What::Ended(ended) => ended_from_wire(ended)?,
    };
    Ok(Report { key, what })
}

fn ended_from_wire(ended: v1::Ended) -> Result<ReportKind, DecodeError> {
    let outcome = match ended.outcome() {
        v1::Outcome::Succeeded => Outcome::Succeeded,
        v1::Outcome::Failed => Outcome::Failed,
        v1::Outcome::Stopped => Outcome::Stopped,
        v1::Outcome::Stalled => Outcome::Stalled,
        v1::Outcome::Fenced => Outcome::Fenced,
        v1::Outcome::Refused => Outcome::Refused,
        v1::Outcome::Unspecified => {
            return Err(wrong(
                "outcome",
                "must be SUCCEEDED, FAILED, STOPPED, STALLED, FENCED or REFUSED",
            ));
        }
    };
    check_text("message", &ended.message)?;
    Ok(ReportKind::Ended {
        started_at: Timestamp(ended.started_at_ms),
        ended_at: Timestamp(ended.ended_at_ms),
        outcome,
        exit_code: ended.exit_code,
        message: (!ended.message.is_empty()).then(|| ended.message.into_boxed_str()),
    })
}

fn report_to_wire(report: Report) -> v1::Report {
    let what = match report.what {
        ReportKind::Started { at } => v1::report::What::Started(v1::Started { at_ms: at.0 }),
        ReportKind::Ended {
            started_at,
            ended_at,
            outcome,
            exit_code,
            message,
        } => v1::report::What::Ended(v1::Ended {
            started_at_ms: started_at.0,
            ended_at_ms: ended_at.0,
            outcome: outcome_to_wire(outcome).into(),
            exit_code,
            message: message.map_or_else(String::new, acceptable_message),
        }),
    };
    v1::Report {
        key: Some(key_to_wire(report.key)),
        what: Some(what),
    }
}

fn outcome_to_wire(outcome: Outcome) -> v1::Outcome {
    match outcome {
        Outcome::Succeeded => v1::Outcome::Succeeded,
        Outcome::Failed => v1::Outcome::Failed,
        Outcome::Stopped => v1::Outcome::Stopped,
        Outcome::Stalled => v1::Outcome::Stalled,
        Outcome::Fenced => v1::Outcome::Fenced,
        Outcome::Refused => v1::Outcome::Refused,
    }
}

/// What [`check_text`] takes: a report that is refused would be sent again for ever.
fn acceptable_message(message: Box<str>) -> String {
    let mut message = message.into_string().replace('\0', "\u{fffd}");
    if message.len() > TEXT_BYTES {
        message.truncate(message.floor_char_boundary(TEXT_BYTES));
    }
    message
}

fn check_text(field: &'static str, text: &str) -> Result<(), DecodeError> {
    if text.len() > TEXT_BYTES {
        return Err(wrong(field, "is longer than 1,024 bytes"));
    }
    if text.contains('\0') {
        return Err(wrong(field, "holds a NUL character"));
    }
    Ok(())
}

/// The store keeps signed 64-bit numbers.
fn storable(field: &'static str, amount: u64) -> Result<(), DecodeError> {
    match i64::try_from(amount) {
        Ok(_) => Ok(()),
        Err(_) => Err(wrong(field, "is larger than 9,223,372,036,854,775,807")),
    }
}

const fn wrong(field: &'static str, problem: &'static str) -> DecodeError {
    DecodeError { field, problem }
}

#[cfg(test)]
mod tests;
