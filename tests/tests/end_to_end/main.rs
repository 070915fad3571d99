//! The whole system, with real processes.

mod commands;
mod examples;
mod nodes;
mod readme;
mod recovery;
mod refusals;
mod request_ids;
mod service;
mod waiting;
