//! Coordinators with their agents.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::Path,
    process::Command,
};

use drover_proto::v1::NodeState;
use tempfile::TempDir;

use crate::{Address, Database, Mark, Network, Process, Proxy, Settings, clean_command, drover};

/// A coordinator.
#[derive(Debug)]
struct Member {
    process: Process,
    address: Address,
    proxy: Option<Proxy>,
}

/// Running processes. Fields end in their order: nobody uses the store or the directory when they go.
#[derive(Debug)]
pub struct Cluster {
    agents: Vec<(String, Process)>,
    members: Vec<Member>,
    settings: Settings,
    mark: Mark,
    database: Database,
    directory: TempDir,
}

impl Cluster {
    /// Returns when the first coordinator serves and every agent has joined.
    pub(crate) async fn start(settings: Settings, directory: TempDir, database: Database) -> Self {
        let mut cluster = Self {
            agents: Vec::new(),
            members: Vec::new(),
            mark: Mark::new(),
            settings,
            database,
            directory,
        };
        for _ in 0..cluster.settings.coordinators {
            cluster.add_coordinator();
            if cluster.members.len() == 1 {
                cluster.serving(0).await;
            }
        }
        let names = cluster.settings.names();
        for name in &names {
            cluster.start_agent(name);
        }
        for name in &names {
            cluster.node_is(name, NodeState::Ready).await;
        }
        cluster
    }

    /// Where logs and everything else of the test lie; also the agents' working directory.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Of the first coordinator.
    pub fn address(&self) -> Address {
        self.members[0].address
    }

    /// Of all coordinators.
    pub fn addresses(&self) -> Vec<Address> {
        self.members.iter().map(|member| member.address).collect()
    }

    /// As flags and variables take them.
    pub fn urls(&self) -> String {
        let urls: Vec<String> = self
            .addresses()
            .iter()
            .map(|address| address.url())
            .collect();
        urls.join(",")
    }

    pub fn database(&self) -> &Database {
        &self.database
    }

    /// What tells the processes of this cluster from others.
    pub fn mark(&self) -> &Mark {
        &self.mark
    }

    /// Made by [`Settings::on_hosts`].
    ///
    /// # Panics
    /// When the cluster runs on this host.
    pub fn network(&self) -> &Network {
        let network = self.settings.network.as_ref();
        network.expect("a cluster on hosts of its own")
    }

    /// The first coordinator, or the only one.
    pub fn coordinator(&mut self) -> &mut Process {
        self.member(0)
    }

    /// A coordinator by its place.
    pub fn member(&mut self, place: usize) -> &mut Process {
        &mut self.members[place].process
    }

    /// Between a coordinator and PostgreSQL.
    ///
    /// # Panics
    /// Without [`Settings::proxied`].
    pub fn proxy(&self, place: usize) -> &Proxy {
        let proxy = self.members[place].proxy.as_ref();
        proxy.expect("a cluster with proxies")
    }

    /// `kill -9` of the coordinator, and a start on the same store. Returns when it serves.
    pub async fn crash_coordinator(&mut self) {
        self.coordinator().kill().await;
        self.start_coordinator().await;
    }

    /// A start on the same store and address after the last one has ended. Returns when it serves.
    pub async fn start_coordinator(&mut self) {
        self.restart_member(0);
        self.serving(0).await;
    }

    /// A start on the same store and address after that one has ended.
    pub fn restart_member(&mut self, place: usize) {
        let process = self.spawn_coordinator(place, self.members[place].address);
        self.members[place].process = process;
    }

    /// Another coordinator on the same store, with an address of its own.
    pub fn start_standby(&self) -> (Process, Address) {
        let address = Address::unique();
        let standby = self.coordinator_process("standby", address, self.database.url());
        (standby, address)
    }

    pub fn start_agent(&mut self, name: &str) {
        let mut command = self.program(name);
        let state = self.directory().join(format!("state-{name}"));
        command
            .args(["agent", "--name", name, "--coordinator", &self.urls()])
            .arg("--work-dir")
            .arg(self.directory())
            .arg("--state-dir")
            .arg(state)
            .args(self.settings.flags(name));
        self.mark.put_on(&mut command);
        let agent = Process::start(name, self.directory(), command);
        self.agents.retain(|(of, _)| of != name);
        self.agents.push((name.to_owned(), agent));
    }

    /// # Panics
    /// When there is none of the name.
    pub fn agent(&mut self, name: &str) -> &mut Process {
        let mut agents = self.agents.iter_mut();
        let found = agents.find(|(of, _)| of == name);
        &mut found.unwrap_or_else(|| panic!("no agent {name}")).1
    }

    fn add_coordinator(&mut self) {
        let proxy = self
            .settings
            .proxied
            .then(|| Proxy::start(self.here(), self.database.host()));
        let address = match &self.settings.network {
            Some(network) => network.address("c"),
            None => Address::unique(),
        };
        let place = self.members.len();
        let name = member_name(place);
        let url = self.url_through(proxy.as_ref());
        let process = self.coordinator_process(&name, address, &url);
        self.members.push(Member {
            process,
            address,
            proxy,
        });
    }

    /// Where coordinators reach what the test itself serves.
    fn here(&self) -> IpAddr {
        let network = self.settings.network.as_ref();
        network.map_or(Ipv4Addr::LOCALHOST.into(), Network::here)
    }

    fn spawn_coordinator(&self, place: usize, address: Address) -> Process {
        let url = self.url_through(self.members[place].proxy.as_ref());
        self.coordinator_process(&member_name(place), address, &url)
    }

    fn url_through(&self, proxy: Option<&Proxy>) -> String {
        match proxy {
            Some(proxy) => self.database.url_through(proxy.address()),
            None => self.database.url().to_owned(),
        }
    }

    fn coordinator_process(&self, name: &str, address: Address, store: &str) -> Process {
        let mut command = self.program("c");
        command
            .args(["coordinator", "--listen", &address.to_string()])
            .args(&self.settings.coordinator_flags)
            .current_dir(self.directory())
            .env("DATABASE_URL", store);
        Process::start(name, self.directory(), command)
    }

    /// The program under test, on that host if there are hosts.
    fn program(&self, host: &str) -> Command {
        match &self.settings.network {
            Some(network) => network.command(host, &drover()),
            None => clean_command(drover()),
        }
    }

    /// Waits until the coordinator says that it serves.
    async fn serving(&mut self, place: usize) {
        let member = &mut self.members[place];
        member.address.serves(&mut member.process).await;
    }
}

fn member_name(place: usize) -> String {
    match place {
        0 => "coordinator".to_owned(),
        _ => format!("coordinator-{}", place + 1),
    }
}
