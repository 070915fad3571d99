//! `drover-agent`: an agent alone, for hosts that need nothing else.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use drover_agent::{AgentError, Args, GuardCommand, guard};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Runs tasks on this host for a Drover coordinator.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    args: Args,
}

#[derive(Subcommand)]
enum Command {
    /// Started by the agent itself: kills process groups when the agent has gone.
    #[command(hide = true)]
    Guard,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Some(Command::Guard) = cli.command {
        return guard::run();
    }
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()))
        .with_writer(std::io::stderr)
        .init();
    match serve(cli.args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn serve(args: Args) -> Result<(), AgentError> {
    let options = args.into_options(GuardCommand::of_this_program()?)?;
    let shutdown = CancellationToken::new();
    let signals = shutdown.clone();
    let mut terminate = signal(SignalKind::terminate()).map_err(AgentError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(AgentError::Signals)?;
    tokio::spawn(async move {
        for _ in 0..2 {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if signals.is_cancelled() {
                // The guard kills what still runs.
                std::process::exit(130);
            }
            signals.cancel();
        }
    });
    drover_agent::run(options, shutdown).await
}
