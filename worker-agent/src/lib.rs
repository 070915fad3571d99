//! The agent: IO around [`drover_model::session`]. It dials the coordinator, starts what it is assigned, reports how that
//! ended, and sends what it wrote.
//!
//! ```text
//!   link ---messages---> agent ---Start, Stop---> executor --> simulated loads, one timer for all
//!     ^                    |  ^                       |
//!     +--reports (outbox)--+  +---Started, Ended------+------> processes, one task each --> logs --> own connection
//!                                                                  |
//!                                                                guard, kills groups when the agent has gone
//! ```
//!
//! Nothing is global: several agents may live in one process.

mod agent;
mod args;
mod backoff;
mod capacity;
mod clock;
mod error;
mod executor;
pub mod guard;
mod link;
mod logs;
mod options;
mod process;
mod simulate;
mod usage;

pub use agent::run;
pub use args::Args;
pub use error::AgentError;
pub use options::{GuardCommand, Options};
