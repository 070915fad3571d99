//! A coordinator of this process for one trace alone, with an agent for each of its nodes.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use drover_model::policy;
use drover_sim::trace::Trace;
use tempfile::TempDir;

use super::{ExecuteError, ExecuteOptions};
use crate::{
    client::{Address, Client},
    error::CliError,
    local::Local,
};

/// Between two looks at whether all agents have joined.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

pub(super) struct Private {
    local: Local,
    /// The record, and what agents keep.
    folder: TempDir,
}

impl Private {
    pub(super) async fn start(
        trace: &Trace,
        options: &ExecuteOptions<'_>,
    ) -> Result<Self, ExecuteError> {
        let folder = tempfile::Builder::new().prefix("drover-execute-").tempdir();
        let folder = folder.map_err(CliError::io("cannot make a temporary directory"))?;
        let store = format!("sqlite:{}", folder.path().join("drover.db").display());
        let local = Local::start(settings(options, store)?).await?;
        let mut private = Self { local, folder };
        private.start_agents(trace, options.only_wait)?;
        private.until_joined(trace.nodes.len()).await?;
        Ok(private)
    }

    pub(super) fn address(&self) -> Address {
        Address::one(&self.local.url())
    }

    fn start_agents(&mut self, trace: &Trace, only_wait: bool) -> Result<(), ExecuteError> {
        let state = self.folder.path().join("agents");
        let base = self.local.agent_options(&state)?;
        for node in &trace.nodes {
            let mut options = base.clone();
            options.name = node.name.as_ref().to_owned();
            options.capacity = node.capacity.clone();
            options.attributes = node.attributes.clone();
            options.simulate = only_wait;
            options.state_dir = state.join(&*node.name);
            self.local.start_agent(options);
        }
        Ok(())
    }

    async fn until_joined(&mut self, count: usize) -> Result<(), ExecuteError> {
        let client = Client::connect(&self.address()).await?;
        let joined = async {
            while client.nodes().await?.nodes.len() < count {
                tokio::time::sleep(BETWEEN_LOOKS).await;
            }
            Ok::<(), CliError>(())
        };
        tokio::select! {
            joined = joined => Ok(joined?),
            failure = self.agent_ends() => Err(failure),
        }
    }

    /// Waits for an agent that ends by itself: its jobs would wait for ever.
    pub(super) async fn agent_ends(&mut self) -> ExecuteError {
        match self.local.agent_ends().await {
            Ok(()) => ExecuteError::AgentEnded,
            Err(error) => error.into(),
        }
    }

    pub(super) async fn stop(self) -> Result<(), ExecuteError> {
        Ok(self.local.stop().await?)
    }
}

fn settings(
    options: &ExecuteOptions<'_>,
    store: String,
) -> Result<drover_coordinator::Options, ExecuteError> {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut settings = drover_coordinator::Options::new(listen, store);
    settings.policy = policy::find(options.policy)?;
    settings.dispatch = options.mode;
    settings.backfill = options.backfill_order.map(policy::find).transpose()?;
    settings.age_cap = (options.age_cap_s > 0).then(|| Duration::from_secs(options.age_cap_s));
    Ok(settings)
}
