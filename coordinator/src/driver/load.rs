//! From what is stored to what the model loads.

use drover_model::{Epoch, LoadedJob, Snapshot};
use drover_proto::spec;

use crate::{
    clock::ModelClock,
    error::CoordinatorError,
    store::{StoredJob, StoredSnapshot},
};

/// Compiles every open job's spec again, and starts the clock of the leadership.
pub(super) fn snapshot(
    epoch: Epoch,
    stored: StoredSnapshot,
) -> Result<(Snapshot, ModelClock), CoordinatorError> {
    let clock = ModelClock::start(stored.model_time);
    let jobs = stored.jobs.into_iter().map(job).collect::<Result<_, _>>()?;
    let snapshot = Snapshot {
        epoch,
        turn: stored.turn,
        model_time: stored.model_time,
        nodes: stored.nodes,
        jobs,
    };
    Ok((snapshot, clock))
}

fn job(stored: StoredJob) -> Result<LoadedJob, CoordinatorError> {
    let compiled = spec::compile_stored(&stored.fixed.stored_spec).map_err(|violations| {
        let problems: Vec<_> = violations.iter().map(ToString::to_string).collect();
        CoordinatorError::Record {
            job: stored.row.id,
            problem: problems.join("; "),
        }
    })?;
    Ok(LoadedJob {
        row: stored.row,
        submitted_at: stored.fixed.submitted_at,
        request_id: stored.fixed.request_id,
        traceparent: stored.fixed.traceparent,
        spec: compiled.spec,
        attempts: stored.attempts,
    })
}
