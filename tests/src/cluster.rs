//! A coordinator with its agents and clients.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use drover_proto::v1::{
    Job, ListJobsRequest, ListNodesRequest, NodeState, job_service_client::JobServiceClient,
    node_service_client::NodeServiceClient,
};
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};

use crate::{Address, Answer, Database, Process, clean_command, drover, until, within_limit};

/// What a cluster is started with.
#[derive(Debug, Default)]
pub struct Settings {
    coordinator_flags: Vec<String>,
    agents: usize,
    agent_flags: Vec<String>,
}

impl Settings {
    /// A coordinator with its default settings and this many agents of four cores, `n1`, `n2`, ...
    pub fn agents(agents: usize) -> Self {
        Self {
            agents,
            agent_flags: owned(["--cpu", "4", "--memory", "4Gi", "--disk", "10Gi"]),
            ..Self::default()
        }
    }

    #[must_use]
    pub fn coordinator<const N: usize>(mut self, flags: [&str; N]) -> Self {
        self.coordinator_flags.extend(owned(flags));
        self
    }

    /// The cluster with its record in a file.
    pub async fn on_sqlite(self) -> Cluster {
        let directory = directory();
        let database = Database::sqlite(directory.path());
        self.start(directory, database).await
    }

    /// The cluster with a PostgreSQL database of its own; `None`, said loudly, where the tests have no server.
    pub async fn on_postgres(self) -> Option<Cluster> {
        let database = Database::postgres().await?;
        Some(self.start(directory(), database).await)
    }

    async fn start(self, directory: TempDir, database: Database) -> Cluster {
        let address = Address::unique();
        let coordinator =
            start_coordinator("coordinator", &self, address, &database, directory.path());
        let mut cluster = Cluster {
            agents: Vec::new(),
            coordinator,
            settings: self,
            address,
            database,
            directory,
        };
        cluster.serving().await;
        for number in 1..=cluster.settings.agents {
            cluster.start_agent(&format!("n{number}"));
        }
        for number in 1..=cluster.settings.agents {
            cluster
                .node_is(&format!("n{number}"), NodeState::Ready)
                .await;
        }
        cluster
    }
}

/// Running processes. Fields end in their order: nobody uses the store or the directory when they go.
#[derive(Debug)]
pub struct Cluster {
    agents: Vec<(String, Process)>,
    pub coordinator: Process,
    settings: Settings,
    address: Address,
    database: Database,
    directory: TempDir,
}

impl Cluster {
    /// Where logs and everything else of the test lie; also the agents' working directory.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub fn address(&self) -> Address {
        self.address
    }

    /// `kill -9` of the coordinator, and a start on the same store. Returns when it serves.
    pub async fn crash_coordinator(&mut self) {
        self.coordinator.kill().await;
        self.start_coordinator().await;
    }

    /// A start on the same store and address after the last one has ended. Returns when it serves.
    pub async fn start_coordinator(&mut self) {
        self.coordinator = start_coordinator(
            "coordinator",
            &self.settings,
            self.address,
            &self.database,
            self.directory.path(),
        );
        self.serving().await;
    }

    /// Another coordinator on the same store, with an address of its own.
    pub fn start_standby(&self) -> (Process, Address) {
        let address = Address::unique();
        let directory = self.directory.path();
        let standby = start_coordinator(
            "standby",
            &self.settings,
            address,
            &self.database,
            directory,
        );
        (standby, address)
    }

    pub fn start_agent(&mut self, name: &str) {
        let mut command = clean_command(drover());
        command
            .args([
                "agent",
                "--name",
                name,
                "--coordinator",
                &self.address.url(),
            ])
            .arg("--work-dir")
            .arg(self.directory.path())
            .args(&self.settings.agent_flags);
        let agent = Process::start(name, self.directory.path(), command);
        self.agents.push((name.to_owned(), agent));
    }

    /// # Panics
    /// When there is none of the name.
    pub fn agent(&mut self, name: &str) -> &mut Process {
        let mut agents = self.agents.iter_mut();
        let found = agents.find(|(of, _)| of == name);
        &mut found.unwrap_or_else(|| panic!("no agent {name}")).1
    }

    /// A client command; its standard input is empty.
    pub fn client<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut command = clean_command(drover());
        command
            .args(arguments)
            .env("DROVER_ADDRESS", self.address.url())
            .current_dir(self.directory.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs a client command to its end.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn run<const N: usize>(&self, arguments: [&str; N]) -> Answer {
        let mut command = tokio::process::Command::from(self.client(arguments));
        let what = format!("drover {}", arguments.join(" "));
        within_limit(&what, command.kill_on_drop(true).output())
            .await
            .expect("the program starts")
            .into()
    }

    /// Writes a file of the test.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.directory.path().join(name), text).expect("writable");
    }

    /// Submits the job that is written in YAML, and gives its id.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn submit(&self, yaml: &str) -> String {
        self.write("job.yaml", yaml);
        let id = self.run(["submit", "job.yaml"]).await.succeeded();
        id.trim().to_owned()
    }

    /// The record of a job.
    ///
    /// # Panics
    /// When there is none.
    pub async fn job(&self, id: &str) -> Job {
        self.run(["job", "show", id, "-o", "json"]).await.job()
    }

    /// Waits until the record of a job is as it should be, and gives it.
    ///
    /// # Panics
    /// When it does not become so.
    pub async fn job_when(&self, id: &str, is: impl Fn(&Job) -> bool) -> Job {
        let jobs = self.jobs().await;
        until("the record of the job", async || {
            let request = drover_proto::v1::GetJobRequest {
                job_id: id.to_owned(),
            };
            let job = jobs.clone().get(request).await.ok()?.into_inner();
            is(&job).then_some(job)
        })
        .await
    }

    /// Every job in the store.
    ///
    /// # Panics
    /// When they cannot be listed.
    pub async fn all_jobs(&self) -> Vec<Job> {
        let request = ListJobsRequest {
            page_size: 1_000,
            ..ListJobsRequest::default()
        };
        let page = self.jobs().await.list(request).await.expect("listed");
        page.into_inner().jobs
    }

    /// Waits until the node is in this state.
    ///
    /// # Panics
    /// When it does not get there.
    pub async fn node_is(&self, name: &str, state: NodeState) {
        let nodes = NodeServiceClient::new(self.channel().await);
        until(&format!("node {name} to be {state:?}"), async || {
            let answer = nodes.clone().list(ListNodesRequest {}).await.ok()?;
            let mut nodes = answer.into_inner().nodes.into_iter();
            nodes
                .any(|node| node.name == name && node.state() == state)
                .then_some(())
        })
        .await;
    }

    /// A connection that nobody of ours has wrapped.
    ///
    /// # Panics
    /// When the coordinator does not answer.
    pub async fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(self.address.url()).expect("an address");
        endpoint.connect().await.expect("connects")
    }

    pub async fn jobs(&self) -> JobServiceClient<Channel> {
        JobServiceClient::new(self.channel().await)
    }

    /// Waits until the coordinator says that it serves.
    async fn serving(&mut self) {
        self.address.serves(&mut self.coordinator).await;
    }
}

fn start_coordinator(
    name: &str,
    settings: &Settings,
    address: Address,
    database: &Database,
    directory: &Path,
) -> Process {
    let mut command = clean_command(drover());
    command
        .args(["coordinator", "--listen", &address.to_string()])
        .args(&settings.coordinator_flags)
        .env("DATABASE_URL", database.url());
    Process::start(name, directory, command)
}

fn directory() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn owned<const N: usize>(flags: [&str; N]) -> Vec<String> {
    flags.map(str::to_owned).to_vec()
}
