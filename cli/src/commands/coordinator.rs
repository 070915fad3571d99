//! `drover coordinator`

use std::{path::Path, process::ExitCode};

use drover_coordinator::{Args, Coordinator, DEFAULT_STORE, Options};

use super::signals::Signals;
use crate::error::CliError;

/// Serves until asked to end.
pub(crate) async fn run(args: Args) -> Result<ExitCode, CliError> {
    let mut signals = Signals::listen()?;
    let options = Options::try_from(args)?;
    if options.insecure_no_auth {
        tracing::warn!(
            listen = %options.listen,
            "nobody is authenticated: whoever reaches this address may run anything on every node"
        );
    }
    make_directory_of_default(&options.store)?;
    let mut coordinator = Coordinator::start(options).await?;
    tracing::info!(address = %coordinator.address(), "serving");
    tokio::select! {
        () = signals.asked_to_end() => {}
        ended = coordinator.ended() => {
            ended?;
            return Ok(ExitCode::FAILURE);
        }
    }
    tracing::info!("ending");
    signals.then_at_once();
    coordinator.shutdown().await?;
    Ok(ExitCode::SUCCESS)
}

/// The folder of the default store is Drover's own, and a first start makes it. Others have to exist, so that a mistyped
/// path is noticed.
fn make_directory_of_default(store: &str) -> Result<(), CliError> {
    if store != DEFAULT_STORE {
        return Ok(());
    }
    let file = store.strip_prefix("sqlite:").unwrap_or(store);
    let directory = Path::new(file).parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory).map_err(CliError::io(format!(
        "cannot make the directory {}",
        directory.display()
    )))
}
