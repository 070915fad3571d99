//! How fast nodes are, and what it is worth to know that, from the record.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use drover_model::{
    AttemptRow, JobId, JobSpec,
    estimate::{self, Evaluation, Observation},
};
use drover_proto::spec;
use tokio::task::spawn_blocking;

use crate::{error::ApiError, store::Store};

/// Jobs of which the specs are held at once: each may be some megabytes.
const JOBS_AT_ONCE: usize = 16;

/// Of so many attempts that succeeded, of the newest jobs.
pub(super) async fn evaluate(
    store: &Arc<dyn Store>,
    attempts: u32,
) -> Result<Evaluation, ApiError> {
    let successes = store.successes(attempts).await?;
    let mut history = Vec::with_capacity(successes.len());
    let of_jobs: Vec<&[AttemptRow]> = successes
        .chunk_by(|one, next| one.key.job == next.key.job)
        .collect();
    for some in of_jobs.chunks(JOBS_AT_ONCE) {
        let jobs: Vec<JobId> = some.iter().map(|rows| rows[0].key.job).collect();
        let specs = store.stored_specs(&jobs).await?.into_iter().collect();
        let rows = some.concat();
        let observed = spawn_blocking(move || observe_all(&rows, &specs)).await;
        history.extend(observed.map_err(|_| ApiError::internal())?);
    }
    let evaluation = spawn_blocking(move || {
        history.sort_by_key(|run| run.ended_at);
        estimate::evaluate(&history)
    });
    evaluation.await.map_err(|_| ApiError::internal())
}

fn observe_all(rows: &[AttemptRow], specs: &HashMap<JobId, Bytes>) -> Vec<Observation> {
    let mut observed = Vec::with_capacity(rows.len());
    for of_job in rows.chunk_by(|one, next| one.key.job == next.key.job) {
        // What a newer build has stored cannot be read, and says nothing.
        let spec = specs.get(&of_job[0].key.job);
        if let Some(compiled) = spec.and_then(|spec| spec::compile_stored(spec).ok()) {
            observed.extend(of_job.iter().filter_map(|row| observe(&compiled.spec, row)));
        }
    }
    observed
}

/// Undo steps have the places behind those of the tasks.
fn observe(spec: &JobSpec, row: &AttemptRow) -> Option<Observation> {
    let (place, count) = (row.key.task as usize, spec.tasks.len());
    let step = match spec.tasks.get(place) {
        Some(task) => task.step.as_ref(),
        None => spec.tasks.get(place - count)?.undo.as_ref(),
    }?;
    let (started_at, ended_at) = (row.started_at?, row.ended_at?);
    Some(Observation {
        signature: step.expected.signature,
        wide_signature: step.expected.wide_signature,
        node: Arc::clone(&row.node),
        run_ms: ended_at.since(started_at),
        ended_at,
    })
}
