//! Rows of both databases to values of the model, and the checks that neither direction may skip.

mod attempt;
mod estimate;
mod job;
mod log;
mod node;
mod policy;
mod queue;
mod request;

use drover_model::{AttemptKey, JobId};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::StoreError;

pub(super) use attempt::{AttemptsOfJobs, attempt, attempt_columns};
pub(super) use estimate::{estimate, estimate_columns};
pub(super) use job::{count_of_page, died, job, job_columns, summary};
pub(super) use log::{log, log_columns};
pub(super) use node::{admission, named_resources, node, node_columns};
pub(super) use policy::{policy, policy_columns, policy_event, policy_event_columns};
pub(super) use queue::{queue, queue_columns};
pub(super) use request::found_requests;

/// The integer type of a column, or a refusal.
pub(super) fn stored<Wide, Narrow>(column: &'static str, value: Wide) -> Result<Narrow, StoreError>
where
    Wide: Copy + Into<u64>,
    Narrow: TryFrom<Wide>,
{
    value.try_into().map_err(|_| StoreError::TooLarge {
        column,
        value: value.into(),
    })
}

/// For a column of JSON.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("keys are strings")
}

/// Where a value stands, for the complaint that it makes no sense.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) table: &'static str,
    /// The job that it belongs to, if any.
    pub(super) job: Option<JobId>,
}

impl Place {
    pub(super) const fn in_table(table: &'static str) -> Self {
        Self { table, job: None }
    }

    pub(super) const fn of_job(table: &'static str, job: JobId) -> Self {
        Self {
            table,
            job: Some(job),
        }
    }

    /// The unsigned value of a column, or a complaint about what is stored.
    pub(super) fn narrowed<Stored, Value>(
        self,
        column: &'static str,
        stored: Stored,
    ) -> Result<Value, StoreError>
    where
        Stored: Copy + ToString,
        Value: TryFrom<Stored>,
    {
        stored.try_into().map_err(|_| self.corrupt(column, &stored))
    }

    fn named<Name>(
        self,
        column: &'static str,
        stored: &str,
        from_name: impl Fn(&str) -> Option<Name>,
    ) -> Result<Name, StoreError> {
        from_name(stored).ok_or_else(|| self.corrupt(column, &stored))
    }

    /// A column of JSON.
    fn parsed<T: DeserializeOwned>(
        self,
        column: &'static str,
        text: &str,
    ) -> Result<T, StoreError> {
        serde_json::from_str(text).map_err(|error| self.corrupt(column, &error))
    }

    fn key(self, job: Uuid, task: i32, attempt: i32) -> Result<AttemptKey, StoreError> {
        Ok(AttemptKey {
            job: JobId(job),
            task: self.narrowed("task", task)?,
            attempt: self.narrowed("attempt", attempt)?,
        })
    }

    pub(super) fn corrupt(self, column: &'static str, value: &impl ToString) -> StoreError {
        StoreError::Corrupt {
            table: self.table,
            column,
            job: self.job,
            value: value.to_string(),
        }
    }
}
