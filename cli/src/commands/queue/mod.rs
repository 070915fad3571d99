//! `drover queue ...`

mod list;
mod set;

use std::process::ExitCode;

use clap::Subcommand;

use crate::{command_line::Global, error::CliError};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the queues that have settings
    List(list::Args),
    /// Set the defaults that a queue gives to the tasks of its jobs
    Set(Box<set::Args>),
}

impl Command {
    pub(crate) async fn run(self, global: &Global) -> Result<ExitCode, CliError> {
        match self {
            Self::List(args) => list::run(args, global).await,
            Self::Set(args) => set::run(*args, global).await,
        }
    }
}
