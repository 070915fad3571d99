//! `drover coordinator`

use std::process::ExitCode;

use drover_coordinator::{Args, Coordinator, Options};

use super::signals::Signals;
use crate::error::CliError;

/// Serves until asked to end.
pub(crate) async fn run(args: Args) -> Result<ExitCode, CliError> {
    let mut signals = Signals::listen()?;
    let coordinator = Coordinator::start(Options::try_from(args)?).await?;
    tracing::info!(address = %coordinator.address(), "serving");
    signals.asked_to_end().await;
    tracing::info!("ending");
    signals.then_at_once();
    coordinator.shutdown().await?;
    Ok(ExitCode::SUCCESS)
}
