//! From the record of a dead job to a new one: what the border does for `DeadLetterService.Replay`.

use drover_model::{AttemptRow, AttemptState, Carried, JobId, JobSpec, NewJob, NewJobRow};

use crate::{workload::Workload, world::database::Database};

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
        let spec = workload.jobs[self.number as usize].spec.clone();
        let carried = if from_failed {
            self.carried(&spec)
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

    /// Main tasks that had succeeded. All that they need had succeeded before.
    fn carried(&self, spec: &JobSpec) -> Vec<Carried> {
        let done = self.attempts.iter().filter(|row| {
            let task = spec.tasks.get(row.key.task as usize);
            row.state == AttemptState::Succeeded && task.is_some_and(|task| !task.finally)
        });
        done.map(|row| Carried {
            task: row.key.task,
            node: row.node.clone(),
            assigned_at: row.assigned_at,
            started_at: row.started_at.unwrap_or(row.assigned_at),
            ended_at: row.ended_at.unwrap_or(row.assigned_at),
        })
        .collect()
    }
}
