//! IO around the scheduler model: it persists what the model decides, then acts on it.
//!
//! Requests and reports become events in the [`inbox`]; the [`driver`] steps them into the model, commits the turn to
//! the [`store`], and only then performs what follows. Nothing else holds scheduling state.

mod clock;
pub mod config;
mod driver;
mod error;
mod grpc;
mod guard;
mod inbox;
mod logs;
mod policies;
mod principal;
mod queues;
mod record;
mod server;
mod service;
mod standing;
pub mod store;
mod submit;
mod tally;
mod watch;

pub use config::{Args, ConfigError, DEFAULT_STORE, Options};
pub use error::CoordinatorError;
pub use service::{Coordinator, Handle};
