//! What `drover simulate` and `drover evaluate` do, but for the terminal: flags in, figures and files out.

mod cell;
mod contenders;
mod error;
mod evaluate;
mod logs;
mod nodes;
mod plan;
mod policies;
mod pool;
mod published;
mod simulate;
mod source;
#[cfg(test)]
mod tests;
mod unused;
mod what_if;

pub use contenders::ContenderArgs;
pub use error::CommandError;
pub use evaluate::{EvaluateArgs, Protocol, evaluate};
pub use logs::{Log, logs};
pub use nodes::NodeChange;
pub use published::{PublishedCell, published};
pub use simulate::{SimulateArgs, Simulated, simulate};
pub use source::{SourceArgs, parse_days};
pub use what_if::{Difference, WhatIf};

/// Told how many of how many simulations are done.
pub type Progress<'a> = &'a (dyn Fn(usize, usize) + Sync);
