//! `drover node ...`

mod admission;
mod list;
mod resources;
mod set;
mod show;
mod speeds;

use std::process::ExitCode;

use clap::Subcommand;

use crate::{command_line::Global, error::CliError};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the hosts and what is free on them
    List,
    /// Show a host
    Show(show::Args),
    /// Show what there is and what is free: by host, by class, and in all
    Resources,
    /// Say what a host is, whatever its agent says
    Set(set::Args),
    /// Start nothing new on a host; what runs there goes on
    Cordon(admission::Cordon),
    /// End a cordon or a drain
    Uncordon(admission::Cordon),
    /// Empty a host: start nothing new, and stop at the deadline what still runs, which then runs elsewhere
    Drain(admission::Drain),
    /// Show how fast the hosts are, learned from run times, and how much nearer to the truth that brings estimates
    Speeds(speeds::Args),
}

impl Command {
    pub(crate) async fn run(self, global: &Global) -> Result<ExitCode, CliError> {
        match self {
            Self::List => list::run(global).await,
            Self::Show(args) => show::run(args, global).await,
            Self::Resources => resources::run(global).await,
            Self::Set(args) => set::run(args, global).await,
            Self::Cordon(args) => admission::cordon(args, global).await,
            Self::Uncordon(args) => admission::uncordon(args, global).await,
            Self::Drain(args) => admission::drain(args, global).await,
            Self::Speeds(args) => speeds::run(&args, global).await,
        }
    }
}
