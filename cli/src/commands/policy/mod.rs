//! `drover policy ...`

mod export;
mod history;
mod import;
mod list;
mod show;
mod switch;

use std::process::ExitCode;

use clap::Subcommand;

use crate::{command_line::Global, error::CliError};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the rules and the stored versions, and say which one is in use
    List,
    /// Show how a stored version came about
    Show(show::Args),
    /// Order what waits by a rule or a stored version from now on
    Use(switch::UseArgs),
    /// Use a candidate, without asking whether it is better
    Promote(switch::PromoteArgs),
    /// Go back to what was in use before
    Rollback(switch::RollbackArgs),
    /// Store weights as a candidate
    Import(import::Args),
    /// Write the weights of a stored version to a file
    Export(export::Args),
    /// Show what happened to policies, newest first
    History(history::Args),
}

impl Command {
    pub(crate) async fn run(self, global: &Global) -> Result<ExitCode, CliError> {
        match self {
            Self::List => list::run(global).await,
            Self::Show(args) => show::run(args, global).await,
            Self::Use(args) => switch::run_use(args, global).await,
            Self::Promote(args) => switch::run_promote(args, global).await,
            Self::Rollback(args) => switch::run_rollback(args, global).await,
            Self::Import(args) => import::run(args, global).await,
            Self::Export(args) => export::run(args, global).await,
            Self::History(args) => history::run(args, global).await,
        }
    }
}
