//! What a queue gives to the tasks of its jobs.

use drover_model::QueueRow;
use prost::Message as _;

use super::{
    Problems,
    rules::Said,
    run::{Check, Speaker},
};
use crate::{Violation, v1};

/// Fills in what the tasks do not say themselves. Undo steps have rules of their own.
pub fn apply_queue_defaults(spec: &mut v1::JobSpec, defaults: &v1::QueueDefaults) {
    spec.may_preempt = defaults.preemption;
    for task in &mut spec.tasks {
        if task.retry.is_none() {
            task.retry.clone_from(&defaults.retry);
        }
        task.timeout = task.timeout.or(defaults.timeout);
        task.start_timeout = task.start_timeout.or(defaults.start_timeout);
        task.grace = task.grace.or(defaults.grace);
        if task.on_disconnect == 0 {
            task.on_disconnect = defaults.on_disconnect;
        }
    }
}

/// Checks the settings of a queue, for the store.
///
/// # Errors
/// Everything that is wrong with them, in the order of the fields.
pub fn check_queue(queue: &v1::Queue) -> Result<QueueRow, Vec<Violation>> {
    let mut problems = Problems::default();
    let namespace = problems.check_name_or_default("namespace", &queue.namespace);
    let name = problems.check_name_or_default("name", &queue.name);
    let defaults = queue.defaults.clone().unwrap_or_default();
    let mut check = Check {
        speaker: Speaker::Queue,
        problems: &mut problems,
    };
    check.rules(Said {
        retry: defaults.retry.as_ref(),
        timeout: defaults.timeout.as_ref(),
        start_timeout: defaults.start_timeout.as_ref(),
        grace: defaults.grace.as_ref(),
        on_disconnect: defaults.on_disconnect,
    });
    if !problems.0.is_empty() {
        return Err(problems.0);
    }
    Ok(QueueRow {
        namespace,
        name,
        settings: defaults.encode_to_vec().into(),
    })
}

/// The settings of a queue, for the wire.
///
/// # Errors
/// When the stored settings cannot be decoded.
pub fn queue(row: &QueueRow) -> Result<v1::Queue, prost::DecodeError> {
    Ok(v1::Queue {
        namespace: row.namespace.as_ref().to_owned(),
        name: row.name.as_ref().to_owned(),
        defaults: Some(queue_defaults(row)?),
    })
}

/// What a queue gives to the tasks of its jobs, for [`apply_queue_defaults`].
///
/// # Errors
/// When the stored settings cannot be decoded.
pub fn queue_defaults(row: &QueueRow) -> Result<v1::QueueDefaults, prost::DecodeError> {
    v1::QueueDefaults::decode(row.settings.clone())
}
