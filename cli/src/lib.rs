//! Everything a person types: `drover coordinator | agent | dev | submit | run | job | node | dead-letter | queue |
//! policy | status | validate | simulate | evaluate | trace | bench`.

mod bench;
mod client;
mod command_line;
mod commands;
mod error;
mod execute;
pub mod file;
mod history;
mod local;
mod logging;
mod output;
mod progress;

pub use command_line::main;
