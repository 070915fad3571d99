//! The agent: IO around [`drover_model::session`]. It dials the coordinator that leads, starts what it is assigned,
//! reports how that ended, and sends what it wrote.
//!
//! ```text
//!   link ---messages---> agent ---Start, Stop---> executor --> simulated loads, one timer for all
//!     ^                  | ^ |                        |
//!     +--reports (outbox)+ | +--ends--> journal       +------> processes, one task each --> logs --> own connection
//!                          +---Started, Ended---------+          |
//!                                                              cgroups; guard, kills what a dead agent leaves
//! ```
//!
//! Nothing is global: several agents may live in one process, each with a state directory of its own.

mod addresses;
mod agent;
mod args;
mod backoff;
mod capacity;
mod cgroup;
mod clock;
mod error;
mod executor;
pub mod guard;
mod journal;
mod link;
mod logs;
mod options;
mod process;
mod simulate;
mod state;
mod usage;

pub use agent::run;
pub use args::Args;
pub use error::AgentError;
pub use options::{GuardCommand, Options};
