//! `drover node cordon`, `uncordon` and `drain`

use std::{process::ExitCode, time::Duration};

use drover_proto::v1::DrainNodeRequest;

use super::show;
use crate::{client::Client, command_line::Global, error::CliError, file};

#[derive(Debug, clap::Args)]
pub(crate) struct Cordon {
    /// Name of the host
    name: String,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Tasks that are stopped run elsewhere at no cost to their retries. The host is empty when `drover node show`\n\
        tells of 0 tasks; `drover node uncordon` lets it have work again.\n\n\
        Examples:\n  drover node drain host-7                  whatever runs there may end by itself\n  \
        drover node drain host-7 --deadline 10m   and what has not ended by then is stopped"
)]
pub(crate) struct Drain {
    /// Name of the host
    name: String,
    /// How long what runs there may go on, at most 30d; 0s stops it now [default: for ever]
    #[arg(long, value_name = "DURATION", value_parser = file::parse_span)]
    deadline: Option<Duration>,
}

pub(crate) async fn cordon(args: Cordon, global: &Global) -> Result<ExitCode, CliError> {
    let client = Client::connect(&global.address).await?;
    show::print(&client.cordon(args.name).await?, global)
}

pub(crate) async fn uncordon(args: Cordon, global: &Global) -> Result<ExitCode, CliError> {
    let client = Client::connect(&global.address).await?;
    show::print(&client.uncordon(args.name).await?, global)
}

pub(crate) async fn drain(args: Drain, global: &Global) -> Result<ExitCode, CliError> {
    let request = DrainNodeRequest {
        name: args.name,
        deadline_after: args.deadline.map(Into::into),
    };
    let client = Client::connect(&global.address).await?;
    show::print(&client.drain(request).await?, global)
}
