//! `drover node ...`

mod list;
mod show;

use std::process::ExitCode;

use clap::Subcommand;

use crate::{command_line::Global, error::CliError};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the hosts and what is free on them
    List,
    /// Show a host
    Show(show::Args),
}

impl Command {
    pub(crate) async fn run(self, global: &Global) -> Result<ExitCode, CliError> {
        match self {
            Self::List => list::run(global).await,
            Self::Show(args) => show::run(args, global).await,
        }
    }
}
