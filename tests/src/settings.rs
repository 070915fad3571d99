//! What a cluster is started with.

use tempfile::TempDir;

use crate::{Cluster, Database, Network};

/// Where the node timeout is 2 s. Its lease of agents is then 1 s.
const FAST: [&str; 4] = ["--node-timeout", "2s", "--heartbeat-interval", "300ms"];

/// Flags and numbers of processes.
#[derive(Debug)]
pub struct Settings {
    pub(crate) coordinators: usize,
    pub(crate) coordinator_flags: Vec<String>,
    pub(crate) agents: usize,
    pub(crate) agent_flags: Vec<String>,
    /// More agents, each with flags of its own.
    pub(crate) unlike: Vec<(String, Vec<String>)>,
    /// Each coordinator reaches PostgreSQL through a proxy of its own.
    pub(crate) proxied: bool,
    /// Hosts of their own for all processes.
    pub(crate) network: Option<Network>,
}

impl Settings {
    /// A coordinator with its default settings and this many agents of four cores, `n1`, `n2`, ...
    pub fn agents(agents: usize) -> Self {
        Self {
            coordinators: 1,
            coordinator_flags: Vec::new(),
            agents,
            agent_flags: owned(["--cpu", "4", "--memory", "4Gi", "--disk", "10Gi"]),
            unlike: Vec::new(),
            proxied: false,
            network: None,
        }
    }

    /// Silent nodes are given up after 2 s.
    #[must_use]
    pub fn fast(self) -> Self {
        self.coordinator(FAST)
    }

    #[must_use]
    pub fn coordinator<const N: usize>(mut self, flags: [&str; N]) -> Self {
        self.coordinator_flags.extend(owned(flags));
        self
    }

    /// Flags of every agent; later ones win over the four cores.
    #[must_use]
    pub fn agent<const N: usize>(mut self, flags: [&str; N]) -> Self {
        self.agent_flags = owned(flags);
        self
    }

    /// One more agent, of that name, with these flags instead of those of every agent.
    #[must_use]
    pub fn host<const N: usize>(mut self, name: &str, flags: [&str; N]) -> Self {
        self.unlike.push((name.to_owned(), owned(flags)));
        self
    }

    /// The agents to begin with.
    pub(crate) fn names(&self) -> Vec<String> {
        let alike = (1..=self.agents).map(|number| format!("n{number}"));
        let unlike = self.unlike.iter().map(|(name, _)| name.clone());
        alike.chain(unlike).collect()
    }

    /// Of an agent.
    pub(crate) fn flags(&self, name: &str) -> &[String] {
        let own = self.unlike.iter().find(|(of, _)| of == name);
        own.map_or(&self.agent_flags, |(_, flags)| flags)
    }

    /// That many coordinators on one database. Agents and clients know all of their addresses.
    #[must_use]
    pub fn coordinators(mut self, coordinators: usize) -> Self {
        self.coordinators = coordinators;
        self
    }

    /// A proxy between each coordinator and PostgreSQL: [`Cluster::proxy`].
    #[must_use]
    pub fn proxied(mut self) -> Self {
        self.proxied = true;
        self
    }

    /// Runs the coordinator on the host `c` and agents on the hosts of their names.
    #[must_use]
    pub fn on_hosts(mut self, network: Network) -> Self {
        self.network = Some(network);
        self.coordinator(["--insecure-no-auth"])
    }

    /// The cluster with its record in a file.
    pub async fn on_sqlite(self) -> Cluster {
        let directory = directory();
        let database = Database::sqlite(directory.path());
        Cluster::start(self, directory, database).await
    }

    /// The cluster with a PostgreSQL database of its own; `None`, said loudly, where the tests have no server.
    pub async fn on_postgres(self) -> Option<Cluster> {
        let database = Database::postgres().await?;
        Some(Cluster::start(self, directory(), database).await)
    }

    /// The cluster with this database.
    pub async fn on(self, database: Database) -> Cluster {
        Cluster::start(self, directory(), database).await
    }
}

fn directory() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn owned<const N: usize>(flags: [&str; N]) -> Vec<String> {
    flags.map(str::to_owned).to_vec()
}
