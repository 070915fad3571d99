//! `drover job ...`

mod cancel;
mod explain;
mod fold;
mod list;
pub(crate) mod logs;
pub(crate) mod show;
mod shown;
mod watch;

use std::process::ExitCode;

use clap::Subcommand;

use crate::{command_line::Global, error::CliError};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List jobs, newest first
    List(list::Args),
    /// Show a job with its tasks and attempts, and why tasks wait
    Show(show::Args),
    /// Say why a task waits, what speaks for and against each host, and how its last attempt was placed
    Explain(explain::Args),
    /// Follow a job to its end
    Watch(watch::Args),
    /// Show what tasks have written
    Logs(logs::Args),
    /// Stop what runs of a job and drop the rest
    Cancel(cancel::Args),
}

impl Command {
    pub(crate) async fn run(self, global: &Global) -> Result<ExitCode, CliError> {
        match self {
            Self::List(args) => list::run(args, global).await,
            Self::Show(args) => show::run(&args, global).await,
            Self::Explain(args) => explain::run(args, global).await,
            Self::Watch(args) => watch::run(&args, global).await,
            Self::Logs(args) => logs::run(args, global).await,
            Self::Cancel(args) => cancel::run(args, global).await,
        }
    }
}
