//! Agents under test, in this process and as programs of their own.

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use drover_agent::{AgentError, GuardCommand, Options};
use drover_model::{NodeAttributes, Resources};
use nix::{
    sys::{
        signal::{Signal, kill},
        stat::Mode,
    },
    unistd::{Pid, mkfifo},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::coordinator::Coordinator;

/// An agent in this process.
pub(crate) struct Agent {
    pub(crate) shutdown: CancellationToken,
    pub(crate) task: JoinHandle<Result<(), AgentError>>,
    pub(crate) work_dir: tempfile::TempDir,
}

impl Agent {
    pub(crate) fn start(coordinator: &Coordinator) -> Self {
        Self::start_with([coordinator.address.clone()])
    }

    pub(crate) fn start_with<const N: usize>(coordinators: [String; N]) -> Self {
        let work_dir = tempfile::tempdir().expect("a directory");
        let options = Options {
            coordinators: coordinators.into(),
            name: "n1".to_owned(),
            capacity: Resources::ZERO,
            attributes: NodeAttributes {
                labels: BTreeMap::from([("zone".to_owned(), "a".to_owned())]),
                cost_per_hour_micros: 7,
                gpu_model: Some("h200".into()),
                ..NodeAttributes::default()
            },
            simulate: false,
            work_dir: work_dir.path().to_owned(),
            state_dir: work_dir.path().join("state"),
            leave_timeout: Duration::from_secs(60),
            guard: GuardCommand {
                program: PathBuf::from(env!("CARGO_BIN_EXE_drover-agent")),
                args: vec!["guard".into()],
            },
        };
        let shutdown = CancellationToken::new();
        Self {
            task: tokio::spawn(drover_agent::run(options, shutdown.clone())),
            shutdown,
            work_dir,
        }
    }

    /// A fifo in the working directory.
    pub(crate) fn fifo(&self, name: &str) -> PathBuf {
        fifo(self.work_dir.path(), name)
    }
}

pub(crate) fn fifo(directory: &Path, name: &str) -> PathBuf {
    let path = directory.join(name);
    mkfifo(&path, Mode::S_IRWXU).expect("a fifo");
    path
}

/// Waits until the fifo is written to, and closed by every writer.
pub(crate) async fn read(fifo: PathBuf) -> String {
    tokio::task::spawn_blocking(|| std::fs::read_to_string(fifo).expect("readable"))
        .await
        .expect("no panic")
}

/// Lets a process go on that reads from the fifo.
pub(crate) async fn open(fifo: PathBuf) {
    tokio::task::spawn_blocking(|| std::fs::write(fifo, "go\n").expect("writable"))
        .await
        .expect("no panic");
}

/// An agent that is a process. Dropping it kills it.
pub(crate) struct Program {
    child: Child,
}

impl Program {
    /// The real program, with a `PATH` of its own.
    pub(crate) fn command(coordinator: &str, directory: &Path, path: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_drover-agent"));
        command
            .args(["--coordinator", coordinator, "--name", "n1", "--cpu", "1"])
            .args(["--memory", "1Gi", "--disk", "1Gi", "--work-dir"])
            .arg(directory)
            .arg("--state-dir")
            .arg(directory.join("state"))
            .env("PATH", path)
            .stderr(Stdio::null());
        command
    }

    /// Its log is in the file `log` of the directory.
    pub(crate) fn start(coordinator: &Coordinator, directory: &Path) -> Self {
        let path = std::env::var("PATH").expect("set");
        let log = File::create(directory.join("log")).expect("writable");
        let mut command = Self::command(&coordinator.address, directory, &path);
        Self::spawn(command.stderr(log))
    }

    /// In a directory of its own, which has fifos of these names.
    pub(crate) fn with_fifos<const N: usize>(
        coordinator: &Coordinator,
        names: [&str; N],
    ) -> (tempfile::TempDir, Self, [PathBuf; N]) {
        let directory = tempfile::tempdir().expect("a directory");
        let fifos = names.map(|name| fifo(directory.path(), name));
        let agent = Self::start(coordinator, directory.path());
        (directory, agent, fifos)
    }

    pub(crate) fn spawn(command: &mut Command) -> Self {
        Self {
            child: command.spawn().expect("started"),
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.id(), signal).expect("it is there");
    }

    /// True after SIGSTOP.
    pub(crate) fn is_stopped(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id()));
        let stat = stat.expect("it is there");
        stat.rsplit_once(')')
            .is_some_and(|(_, fields)| fields.starts_with(" T"))
    }

    /// Returns when the process is gone; its guard may be at work still.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("SIGKILL");
        self.child.wait().expect("gone");
    }

    /// Waits until it has ended by itself.
    pub(crate) fn ended(mut self) -> ExitStatus {
        self.child.wait().expect("gone")
    }

    /// Its guard, and the first processes of its attempts.
    pub(crate) fn children(&self) -> Vec<Pid> {
        let id = self.id();
        let threads = std::fs::read_dir(format!("/proc/{id}/task")).expect("it is there");
        let children = threads.flat_map(|thread| {
            let file = thread.expect("readable").path().join("children");
            std::fs::read_to_string(file)
                .unwrap_or_default()
                .split_whitespace()
                .map(|id| Pid::from_raw(id.parse().expect("a number")))
                .collect::<Vec<_>>()
        });
        children.collect()
    }

    /// Of an agent that has no tasks yet.
    pub(crate) fn guard(&self) -> Pid {
        let children = self.children();
        let [guard] = children[..] else {
            panic!("{children:?} runs before any task");
        };
        guard
    }

    fn id(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}
