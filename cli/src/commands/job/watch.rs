//! `drover job watch`

use std::process::ExitCode;

use crate::{client::Client, command_line::Global, commands::wait, error::CliError};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "The exit code is the outcome: 0 succeeded, 1 failed or rolled back, 4 cancelled, 5 timed out."
)]
pub(crate) struct Args {
    /// Ids of jobs
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
}

pub(crate) async fn run(args: &Args, global: &Global) -> Result<ExitCode, CliError> {
    let client = Client::connect(&global.address).await?;
    wait::for_ends(&client, &args.ids, global.output).await
}
