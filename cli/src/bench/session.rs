//! What every benchmark with processes needs: a store, a cluster on it, and an end in order.

use tempfile::TempDir;

use super::{
    cpu::Group,
    error::BenchError,
    processes::{Cluster, Settings},
    target::Target,
};
use crate::{commands::signals::Signals, error::CliError};

#[derive(Debug, clap::Args)]
pub(crate) struct SessionArgs {
    /// Store to measure: sqlite:PATH or postgres://... It is written to and should be for benchmarks only [default: a
    /// temporary SQLite file]
    #[arg(long, value_name = "URL")]
    pub(crate) store: Option<String>,
    /// Number of agent processes
    #[arg(long, value_name = "NUMBER", default_value_t = 2)]
    pub(crate) agents: u32,
    /// Cores that each agent declares, so that capacity is not what is measured
    #[arg(long, value_name = "CORES", default_value_t = 100_000)]
    pub(crate) cpu: u32,
    /// Policy of the coordinator [default: what it has without being told]
    #[arg(long, value_name = "NAME")]
    pub(crate) policy: Option<String>,
}

pub(crate) struct Session {
    pub(crate) target: Target,
    pub(crate) cluster: Cluster,
    signals: Signals,
    /// Logs of the processes, and the store if none was given.
    _directory: TempDir,
}

impl Session {
    pub(crate) async fn open(args: &SessionArgs) -> Result<Self, CliError> {
        let mut signals = Signals::listen()?;
        let directory = tempfile::Builder::new()
            .prefix("drover-bench-")
            .tempdir()
            .map_err(BenchError::io("make a temporary directory"))?;
        let target = Target::open(args.store.as_deref(), directory.path()).await?;
        let settings = Settings {
            store: target.url.clone(),
            agents: args.agents,
            cpu: args.cpu,
            policy: args.policy.clone(),
        };
        let cluster = tokio::select! {
            started = Cluster::start(&settings, directory.path()) => started?,
            () = signals.asked_to_end() => return Err(BenchError::Interrupted.into()),
        };
        Ok(Self {
            target,
            cluster,
            signals,
            _directory: directory,
        })
    }

    /// Gives up the work when somebody asks this process to end.
    pub(crate) async fn unless_interrupted<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Work<'_>) -> Result<T, BenchError>,
    ) -> Result<T, BenchError> {
        let mut borrowed = Work {
            target: &self.target,
            cluster: &mut self.cluster,
        };
        tokio::select! {
            outcome = work(&mut borrowed) => outcome,
            () = self.signals.asked_to_end() => Err(BenchError::Interrupted),
        }
    }

    pub(crate) async fn close(self) {
        self.cluster.stop().await;
    }
}

/// The part of a session that a measurement uses.
pub(crate) struct Work<'a> {
    pub(crate) target: &'a Target,
    pub(crate) cluster: &'a mut Cluster,
}

impl Work<'_> {
    /// All processes whose CPU time is counted.
    pub(crate) fn groups(&self) -> Vec<(&'static str, Group)> {
        self.cluster
            .groups()
            .into_iter()
            .chain(self.target.server())
            .collect()
    }
}
