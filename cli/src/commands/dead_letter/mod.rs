//! `drover dead-letter ...`

mod list;
mod purge;
mod replay;
mod show;

use std::process::ExitCode;

use clap::Subcommand;

use crate::{command_line::Global, error::CliError};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List jobs that failed, timed out or were rolled back, newest first
    List(list::Args),
    /// Show a dead job with all attempts, why it is dead, and what it wrote last
    Show(show::Args),
    /// Submit dead jobs again
    Replay(replay::Args),
    /// Take dead letters off the list; the jobs' records stay
    Purge(purge::Args),
}

impl Command {
    pub(crate) async fn run(self, global: &Global) -> Result<ExitCode, CliError> {
        match self {
            Self::List(args) => list::run(args, global).await,
            Self::Show(args) => show::run(args, global).await,
            Self::Replay(args) => replay::run(args, global).await,
            Self::Purge(args) => purge::run(args, global).await,
        }
    }
}
