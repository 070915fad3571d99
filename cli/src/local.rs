//! A coordinator of this process with agents of this process: what `drover dev` serves, and what jobs are executed on.

use std::{ffi::OsStr, path::Path};

use clap::Parser;
use drover_agent::{AgentError, GuardCommand};
use drover_coordinator::{Coordinator, Handle};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::error::CliError;

pub(crate) struct Local {
    coordinator: Handle,
    agents: JoinSet<Result<(), AgentError>>,
    shutdown: CancellationToken,
}

/// The flags of an agent, for what they are when nobody says, and to find out what this host offers in the way that agents
/// do.
#[derive(Parser)]
struct AgentFlags {
    #[command(flatten)]
    args: drover_agent::Args,
}

impl Local {
    /// Returns when the coordinator leads. An earlier run that was killed may hold the lease for a moment.
    pub(crate) async fn start(options: drover_coordinator::Options) -> Result<Self, CliError> {
        let mut coordinator = Coordinator::start(options).await?;
        coordinator.leading().await?;
        Ok(Self {
            coordinator,
            agents: JoinSet::new(),
            shutdown: CancellationToken::new(),
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.coordinator.address())
    }

    /// Settings of an agent that joins this coordinator. Each needs a name of its own, and a state directory below `state`.
    pub(crate) fn agent_options(&self, state: &Path) -> Result<drover_agent::Options, CliError> {
        let url = self.url();
        let flags = [
            "agent",
            "--coordinator",
            &url,
            "--name",
            "local",
            "--advertise",
            "127.0.0.1",
            "--state-dir",
        ]
        .map(OsStr::new);
        let flags = AgentFlags::parse_from(flags.into_iter().chain([state.as_os_str()]));
        Ok(flags.args.into_options(GuardCommand::of_this_program()?)?)
    }

    pub(crate) fn start_agent(&mut self, options: drover_agent::Options) {
        let run = drover_agent::run(options, self.shutdown.clone());
        self.agents.spawn(run);
    }

    /// Waits for an agent that ends by itself, which none should.
    pub(crate) async fn agent_ends(&mut self) -> Result<(), AgentError> {
        match self.agents.join_next().await {
            Some(ended) => joined(ended),
            None => std::future::pending().await,
        }
    }

    /// Ends the agents, then the coordinator.
    pub(crate) async fn stop(mut self) -> Result<(), CliError> {
        self.shutdown.cancel();
        let mut outcome = Ok(());
        while let Some(ended) = self.agents.join_next().await {
            outcome = outcome.and(joined(ended));
        }
        self.coordinator.shutdown().await?;
        Ok(outcome?)
    }
}

fn joined(ended: Result<Result<(), AgentError>, tokio::task::JoinError>) -> Result<(), AgentError> {
    ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}
