//! From the record of a dead job to a new one: what the border does for `DeadLetterService.Replay`.

use drover_model::{AttemptRow, JobId, JobSpec, NewJob, NewJobRow, replay};

use crate::faults::{workload::Workload, world::database::Database};

/// A dead job as read from the store.
#[derive(Clone, Debug)]
pub struct StoredDeath {
    job: JobId,
    number: u32,
    fixed: NewJobRow,
    attempts: Vec<AttemptRow>,
}

impl StoredDeath {
    /// `None`: it is not dead. A replay that is asked for again finds the new job by its request id.
    pub fn read(database: &Database, job: JobId) -> Option<Self> {
        let stored = database.jobs.get(&job)?;
        stored.row.state.is_dead().then(|| Self {
            job,
            number: stored.number,
            fixed: stored.fixed.clone(),
            attempts: database.attempts_of(job).cloned().collect(),
        })
    }

    pub fn replay(&self, workload: &Workload, from_failed: bool) -> NewJob {
        let spec = JobSpec::clone(&workload.jobs[self.number as usize].spec);
        let carried = if from_failed {
            replay::carried(&spec, &self.attempts)
        } else {
            Vec::new()
        };
        NewJob {
            id: self.job,
            name: self.fixed.name.clone(),
            spec,
            request_id: Some(format!("drover:replay:{}", self.job).into()),
            traceparent: None,
            stored_spec: self.fixed.stored_spec.clone(),
            replay_of: Some(self.job),
            carried,
        }
    }
}
