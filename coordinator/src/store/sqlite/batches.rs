//! The rows of a turn as arguments of statements: a batch for each.

use drover_model::{
    AttemptRow, EstimateRow, JobId, JobRow, Learned, NodeRow, PolicyEventRow, QueueRow,
};

use super::batch::{Batch, hex};
use crate::store::{
    StoreError,
    rows::{admission, json, named_resources, stored},
};

pub(super) fn new_jobs(rows: &[JobRow]) -> (Batch, Batch) {
    let (mut inserted, mut opened) = (Batch::new(), Batch::new());
    for row in rows.iter().filter(|row| row.from.is_none()) {
        let new = row
            .new
            .as_deref()
            .expect("a row that inserts a job has its fixed part");
        let id = digits(row.id);
        if !row.state.is_final() {
            opened.push(&[&id]);
        }
        inserted.push(&(
            id,
            &*new.namespace,
            &*new.name,
            &*new.queue,
            new.priority,
            row.state.as_str(),
            row.intent.as_str(),
            new.submitted_at.0,
            row.started_at.map(|at| at.0),
            row.ended_at.map(|at| at.0),
            new.deadline.map(|at| at.0),
            row.message.as_deref(),
            new.request_id.as_deref(),
            new.traceparent.as_deref(),
            new.task_count,
            // A tuple has at most 16 places.
            (hex(&new.stored_spec), new.replay_of.map(digits)),
        ));
    }
    (inserted, opened)
}

pub(super) fn changed_jobs(rows: &[JobRow]) -> (Batch, Batch) {
    let (mut updated, mut closed) = (Batch::new(), Batch::new());
    for (row, from) in rows.iter().filter_map(|row| Some((row, row.from?))) {
        let id = digits(row.id);
        if row.state.is_final() && !from.is_final() {
            closed.push(&[&id]);
        }
        updated.push(&(
            id,
            from.as_str(),
            row.state.as_str(),
            row.intent.as_str(),
            row.started_at.map(|at| at.0),
            row.ended_at.map(|at| at.0),
            row.message.as_deref(),
        ));
    }
    (updated, closed)
}

/// JSON knows larger integers than a column does.
pub(super) fn new_attempts(rows: &[AttemptRow]) -> Result<Batch, StoreError> {
    let mut batch = Batch::new();
    for row in rows.iter().filter(|row| row.from.is_none()) {
        batch.push(&(
            digits(row.key.job),
            row.key.task,
            row.key.attempt,
            row.state.as_str(),
            &*row.node,
            row.assigned_at.0,
            row.started_at.map(|at| at.0),
            row.ended_at.map(|at| at.0),
            row.exit_code,
            row.message.as_deref(),
            row.retry_at.map(|at| at.0),
            row.decision.as_deref(),
            stored::<_, i64>("cost_per_hour_micros", row.rate.cost_per_hour_micros)?,
            stored::<_, i64>("power_milliwatts", row.rate.power_milliwatts)?,
        ));
    }
    Ok(batch)
}

pub(super) fn changed_attempts(rows: &[AttemptRow]) -> Batch {
    let mut batch = Batch::new();
    for (row, from) in rows.iter().filter_map(|row| Some((row, row.from?))) {
        batch.push(&(
            digits(row.key.job),
            row.key.task,
            row.key.attempt,
            from.as_str(),
            row.state.as_str(),
            row.started_at.map(|at| at.0),
            row.ended_at.map(|at| at.0),
            row.exit_code,
            row.message.as_deref(),
            row.retry_at.map(|at| at.0),
        ));
    }
    batch
}

pub(super) fn nodes(rows: &[NodeRow]) -> Result<Batch, StoreError> {
    let mut batch = Batch::new();
    for row in rows {
        let (admission, drain_deadline) = admission(row.admission);
        batch.push(&(
            &*row.name,
            stored::<_, i64>("incarnation", row.incarnation)?,
            &*row.agent_version,
            stored::<_, i64>("cpu_millis", row.capacity.cpu_millis)?,
            stored::<_, i64>("memory_bytes", row.capacity.memory_bytes)?,
            row.capacity.gpus,
            stored::<_, i64>("disk_bytes", row.capacity.disk_bytes)?,
            named_resources(row),
            json(&row.given),
            json(&row.overrides),
            admission,
            drain_deadline,
            row.joined_at.0,
        ));
    }
    Ok(batch)
}

pub(super) fn queues(rows: &[QueueRow]) -> Batch {
    let mut batch = Batch::new();
    for row in rows {
        batch.push(&(&*row.namespace, &*row.name, hex(&row.settings)));
    }
    batch
}

pub(super) fn policy_events(rows: &[PolicyEventRow]) -> Batch {
    let mut batch = Batch::new();
    for row in rows {
        batch.push(&(
            row.at.0,
            row.kind.as_str(),
            row.from.as_deref(),
            &*row.to,
            &*row.who,
            &*row.why,
        ));
    }
    batch
}

pub(super) fn estimates(rows: &[EstimateRow]) -> (Batch, Batch) {
    let (mut forgotten, mut learned) = (Batch::new(), Batch::new());
    for row in rows {
        let signature = row.signature.cast_signed();
        if row.learned == Learned::Forgotten {
            forgotten.push(&[signature]);
        } else {
            let node = row.node.as_deref().unwrap_or_default();
            learned.push(&(signature, node, json(&row.learned)));
        }
    }
    (forgotten, learned)
}

pub(super) fn ids(jobs: impl IntoIterator<Item = JobId>) -> Batch {
    let mut batch = Batch::new();
    for job in jobs {
        batch.push(&[digits(job)]);
    }
    batch
}

fn digits(job: JobId) -> String {
    job.0.simple().to_string()
}
