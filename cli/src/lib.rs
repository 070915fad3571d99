//! Everything a person types: `drover coordinator | agent | dev | submit | run | job | node | dead-letter | queue |
//! policy | status | validate | bench`.

mod bench;
mod client;
mod command_line;
mod commands;
mod error;
#[cfg_attr(
    not(test),
    allow(dead_code, reason = "until `drover simulate --execute` calls it")
)]
mod execute;
pub mod file;
mod history;
mod logging;
mod output;
mod progress;

pub use command_line::main;
