//! `drover job cancel`

use std::process::ExitCode;

use drover_proto::v1::CancelJobRequest;

use crate::{client::Client, command_line::Global, error::CliError, output};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Id of the job
    id: String,
    /// Kept with the job
    #[arg(long, default_value_t)]
    reason: String,
}

pub(crate) async fn run(args: Args, global: &Global) -> Result<ExitCode, CliError> {
    let client = Client::connect(&global.address).await?;
    let request = CancelJobRequest {
        job_id: args.id.clone(),
        reason: args.reason,
    };
    client
        .jobs()
        .cancel(request)
        .await
        .map_err(|status| client.failed(status))?;
    output::print(&format!(
        "{}: cancelling; it ends when its last process has\n",
        args.id
    ))?;
    Ok(ExitCode::SUCCESS)
}
