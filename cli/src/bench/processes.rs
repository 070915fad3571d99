//! A coordinator and agents as processes of their own.

use std::{
    fs::File,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use drover_proto::v1::{ListNodesRequest, NodeState, node_service_client::NodeServiceClient};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    process::{Child, Command},
    time::Instant,
};
use tonic::transport::{Channel, Endpoint};
use tonic_health::{ServingStatus, pb::HealthCheckRequest, pb::health_client::HealthClient};

use super::{cpu::Group, error::BenchError};

/// A store of a million tasks is opened and loaded well within it.
const READY_WITHIN: Duration = Duration::from_secs(60);
const END_WITHIN: Duration = Duration::from_secs(20);
const BETWEEN_TRIES: Duration = Duration::from_millis(10);
const LOG_END_BYTES: usize = 2_000;

/// What the processes are started with.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) store: String,
    pub(crate) agents: u32,
    /// Cores that each agent declares.
    pub(crate) cpu: u32,
    pub(crate) policy: Option<String>,
}

/// The processes. [`Cluster::stop`] ends them in order; dropping kills them.
pub(crate) struct Cluster {
    coordinator: Process,
    agents: Vec<Process>,
    address: SocketAddr,
}

impl Cluster {
    /// Starts the processes and waits until the coordinator serves and every agent has joined. Logs go to `directory`.
    pub(crate) async fn start(settings: &Settings, directory: &Path) -> Result<Self, BenchError> {
        let address = free_address()?;
        let coordinator = Process::start("coordinator", directory, |command| {
            // Not as an argument: everybody sees those, and the address may hold a password.
            command
                .args(["coordinator", "--listen", &address.to_string()])
                .args(settings.policy.iter().flat_map(|name| ["--policy", name]))
                .env("DATABASE_URL", &settings.store);
        })?;
        let mut cluster = Self {
            coordinator,
            agents: Vec::new(),
            address,
        };
        if let Err(error) = cluster.complete(settings, directory).await {
            cluster.stop().await;
            return Err(error);
        }
        Ok(cluster)
    }

    async fn complete(&mut self, settings: &Settings, directory: &Path) -> Result<(), BenchError> {
        let deadline = Instant::now() + READY_WITHIN;
        let endpoint = self.endpoint()?;
        self.until_ready("the coordinator", deadline, async || {
            let request = HealthCheckRequest {
                service: String::new(),
            };
            let answer = HealthClient::new(endpoint.connect().await.ok()?)
                .check(request)
                .await
                .ok()?;
            (answer.into_inner().status == ServingStatus::Serving as i32).then_some(())
        })
        .await?;
        for number in 1..=settings.agents {
            let name = format!("bench-{number}");
            let agent = Process::start(&name, directory, |command| {
                command.args([
                    "agent",
                    "--name",
                    &name,
                    "--coordinator",
                    &format!("http://{}", self.address),
                ]);
                command
                    .args(["--cpu", &settings.cpu.to_string(), "--work-dir"])
                    .arg(directory)
                    .arg("--state-dir")
                    .arg(directory.join(format!("{name}.state")));
            })?;
            self.agents.push(agent);
        }
        let mut nodes = NodeServiceClient::new(self.connect().await?);
        self.until_ready("every agent", deadline, async || {
            let answer = nodes.list(ListNodesRequest {}).await.ok()?.into_inner();
            let ready = |node: &&drover_proto::v1::Node| {
                node.state() == NodeState::Ready && node.name.starts_with("bench-")
            };
            (answer.nodes.iter().filter(ready).count() >= settings.agents as usize).then_some(())
        })
        .await
    }

    /// Asks again and again, until there is an answer, a process has ended or time is over.
    async fn until_ready(
        &mut self,
        what: &'static str,
        deadline: Instant,
        mut ask: impl AsyncFnMut() -> Option<()>,
    ) -> Result<(), BenchError> {
        while ask().await.is_none() {
            self.check()?;
            if Instant::now() > deadline {
                return Err(BenchError::NotReady {
                    what,
                    waited: READY_WITHIN,
                    log: self.coordinator.log_end(),
                });
            }
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
        Ok(())
    }

    /// Fails when a process has ended.
    pub(crate) fn check(&mut self) -> Result<(), BenchError> {
        std::iter::once(&mut self.coordinator)
            .chain(&mut self.agents)
            .try_for_each(Process::check)
    }

    pub(crate) async fn connect(&self) -> Result<Channel, BenchError> {
        Ok(self.endpoint()?.connect().await?)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn endpoint(&self) -> Result<Endpoint, BenchError> {
        Ok(Endpoint::from_shared(self.url())?.tcp_nodelay(true))
    }

    /// The processes, to count their CPU time.
    pub(crate) fn groups(&self) -> [(&'static str, Group); 3] {
        let agents = self.agents.iter().map(|agent| agent.pid).collect();
        [
            ("coordinator", Group::Processes(vec![self.coordinator.pid])),
            ("agents", Group::Processes(agents)),
            ("client", Group::Processes(vec![std::process::id()])),
        ]
    }

    /// Resident set of the coordinator, in bytes (proc_pid_status(5)).
    pub(crate) fn coordinator_memory(&self) -> Result<u64, BenchError> {
        let path = format!("/proc/{}/status", self.coordinator.pid);
        let status =
            std::fs::read_to_string(&path).map_err(BenchError::io(&format!("read {path}")))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes =
            resident.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        Ok(kilobytes.unwrap_or(0) * 1024)
    }

    /// Agents first, so that none tries to reconnect.
    pub(crate) async fn stop(mut self) {
        for process in self.agents.iter().chain([&self.coordinator]) {
            process.terminate();
        }
        for process in self.agents.iter_mut().chain([&mut self.coordinator]) {
            process.ended().await;
        }
    }
}

struct Process {
    name: String,
    pid: u32,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// This very program again, with a log of its own and out of reach of the terminal's ctrl-c, which the benchmark
    /// itself answers by ending everything in order.
    fn start(
        name: &str,
        directory: &Path,
        arguments: impl FnOnce(&mut Command),
    ) -> Result<Self, BenchError> {
        let program = std::env::current_exe().map_err(BenchError::io("find this program"))?;
        let log = directory.join(format!("{name}.log"));
        let file =
            File::create(&log).map_err(BenchError::io(format!("write {}", log.display())))?;
        let mut command = Command::new(&program);
        arguments(&mut command);
        let child = command
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(BenchError::io(format!("start {}", program.display())))?;
        let pid = child
            .id()
            .expect("a process that was not waited for has an id");
        Ok(Self {
            name: name.to_owned(),
            pid,
            child,
            log,
        })
    }

    fn check(&mut self) -> Result<(), BenchError> {
        match self
            .child
            .try_wait()
            .map_err(BenchError::io(format!("look after {}", self.name)))?
        {
            Some(status) => Err(self.end(status)),
            None => Ok(()),
        }
    }

    fn end(&self, status: ExitStatus) -> BenchError {
        BenchError::Ended {
            program: self.name.clone(),
            status,
            log: self.log_end(),
        }
    }

    fn log_end(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(LOG_END_BYTES)..]).into_owned()
    }

    fn terminate(&self) {
        // The id is still ours: the process has not been waited for, or `id` is gone.
        if let Some(pid) = self.child.id().and_then(|pid| i32::try_from(pid).ok()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
    }

    async fn ended(&mut self) {
        if tokio::time::timeout(END_WITHIN, self.child.wait())
            .await
            .is_err()
        {
            eprintln!(
                "{} does not end within {END_WITHIN:?} and is killed",
                self.name
            );
            let _ = self.child.kill().await;
        }
    }
}

/// Free at this moment; the coordinator says so if somebody else is faster.
fn free_address() -> Result<SocketAddr, BenchError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|socket| socket.local_addr())
        .map_err(BenchError::io("find a free port"))
}
