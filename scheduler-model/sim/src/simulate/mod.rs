//! Runs a [`crate::trace::Trace`] through the production scheduler under virtual time.

mod outcome;

pub use outcome::{AttemptOutcome, JobOutcome, Outcome, QueueSample};
