//! `drover agent`

use std::process::ExitCode;

use drover_agent::{Args, GuardCommand};
use tokio_util::sync::CancellationToken;

use super::signals::Signals;
use crate::error::CliError;

/// Runs tasks until asked to end.
pub(crate) async fn run(args: Args) -> Result<ExitCode, CliError> {
    let options = args.into_options(GuardCommand::of_this_program()?)?;
    let mut signals = Signals::listen()?;
    let shutdown = CancellationToken::new();
    let asked = shutdown.clone();
    tokio::spawn(async move {
        signals.asked_to_end().await;
        asked.cancel();
        signals.then_at_once();
    });
    drover_agent::run(options, shutdown).await?;
    Ok(ExitCode::SUCCESS)
}
