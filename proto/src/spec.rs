//! A user's job: checked and compiled for the model.

use std::sync::Arc;

use bytes::Bytes;

use crate::{Violation, v1};

/// What a request may hold at most.
#[derive(Clone, Debug)]
pub struct Limits {
    pub tasks_per_job: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tasks_per_job: 10_000,
        }
    }
}

/// A job that may be submitted.
#[derive(Clone, Debug)]
pub struct Compiled {
    pub name: Arc<str>,
    pub spec: drover_model::JobSpec,
    /// The user's spec, encoded, for the store.
    pub stored_spec: Bytes,
}
