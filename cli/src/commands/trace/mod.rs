//! `drover trace ...`

mod export;
mod moment;

use std::process::ExitCode;

use clap::Subcommand;

use crate::{command_line::Global, error::CliError};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write what happened as JSON lines, to simulate it with other rules or nodes
    Export(export::Args),
}

impl Command {
    pub(crate) async fn run(self, global: &Global) -> Result<ExitCode, CliError> {
        match self {
            Self::Export(args) => export::run(args, global).await,
        }
    }
}
