//! A coordinator of this process, with an agent for each node of a trace.

use std::ffi::OsStr;

use clap::Parser;
use drover_agent::{AgentError, GuardCommand};
use drover_coordinator::{Coordinator, Handle};
use drover_model::policy;
use drover_sim::trace::Trace;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{ExecuteError, ExecuteOptions};
use crate::{
    client::{Address, Client},
    error::CliError,
};

/// Between two looks at whether all agents have joined.
const BETWEEN_LOOKS: std::time::Duration = std::time::Duration::from_millis(20);

pub(super) struct Private {
    coordinator: Handle,
    agents: JoinSet<Result<(), AgentError>>,
    shutdown: CancellationToken,
    /// The record, and what agents keep.
    folder: TempDir,
}

/// The flags of an agent, for what they are when nobody says.
#[derive(Parser)]
struct AgentFlags {
    #[command(flatten)]
    args: drover_agent::Args,
}

impl Private {
    pub(super) async fn start(
        trace: &Trace,
        options: &ExecuteOptions<'_>,
    ) -> Result<Self, ExecuteError> {
        let folder = tempfile::Builder::new().prefix("drover-execute-").tempdir();
        let folder = folder.map_err(CliError::io("cannot make a temporary directory"))?;
        let store = format!("sqlite:{}", folder.path().join("drover.db").display());
        let listen = std::net::SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, 0));
        let mut settings = drover_coordinator::Options::new(listen, store);
        settings.policy = policy::find(options.policy)?;
        settings.dispatch = options.mode;
        let mut coordinator = Coordinator::start(settings).await?;
        coordinator.leading().await?;
        let mut private = Self {
            coordinator,
            agents: JoinSet::new(),
            shutdown: CancellationToken::new(),
            folder,
        };
        private.start_agents(trace, options.only_wait)?;
        private.until_joined(trace.nodes.len()).await?;
        Ok(private)
    }

    pub(super) fn address(&self) -> Address {
        Address::one(&format!("http://{}", self.coordinator.address()))
    }

    fn start_agents(&mut self, trace: &Trace, only_wait: bool) -> Result<(), ExecuteError> {
        let state = self.folder.path().join("agents");
        let url = format!("http://{}", self.coordinator.address());
        let flags = [
            "agent",
            "--coordinator",
            &url,
            "--name",
            "agent",
            "--state-dir",
        ];
        let flags = flags.map(OsStr::new).into_iter().chain([state.as_os_str()]);
        let flags = AgentFlags::parse_from(flags);
        let base = flags.args.into_options(GuardCommand::of_this_program()?)?;
        for node in &trace.nodes {
            let mut options = base.clone();
            options.name = node.name.as_ref().to_owned();
            options.capacity = node.capacity.clone();
            options.attributes = node.attributes.clone();
            options.simulate = only_wait;
            options.state_dir = state.join(&*node.name);
            let run = drover_agent::run(options, self.shutdown.clone());
            self.agents.spawn(run);
        }
        Ok(())
    }

    /// An agent that ends before has failed.
    async fn until_joined(&mut self, count: usize) -> Result<(), ExecuteError> {
        let client = Client::connect(&self.address()).await?;
        while client.nodes().await?.nodes.len() < count {
            if let Some(ended) = self.agents.try_join_next() {
                ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        Ok(())
    }

    pub(super) async fn stop(mut self) -> Result<(), ExecuteError> {
        self.shutdown.cancel();
        let mut outcome = Ok(());
        while let Some(ended) = self.agents.join_next().await {
            outcome = outcome
                .and(ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())));
        }
        self.coordinator.shutdown().await?;
        Ok(outcome?)
    }
}
