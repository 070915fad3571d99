//! The whole system, with real processes.

mod commands;
mod estimates;
mod examples;
mod history;
mod nodes;
mod placement;
mod policies;
mod readme;
mod recovery;
mod refusals;
mod request_ids;
mod service;
mod waiting;
