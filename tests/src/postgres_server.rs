//! A PostgreSQL server of a test's own, which it may stop.

use std::{
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::program::repository;

/// How the server is told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Connections are ended in order.
    Fast,
    /// As if it had crashed: it recovers when it starts.
    Immediate,
}

/// Runs until it is dropped.
#[derive(Debug)]
pub struct PostgresServer {
    url: String,
    directory: TempDir,
}

impl PostgresServer {
    /// `None`, said loudly, where tests have no PostgreSQL.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start() -> Option<Self> {
        crate::database::server()?;
        let directory = tempfile::tempdir().expect("a temporary directory");
        let started = script("start", directory.path());
        let url = String::from_utf8(started).expect("a URL").trim().to_owned();
        Some(Self { url, directory })
    }

    /// The same, with so many connections for everybody together.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn with_connections(connections: u32) -> Option<Self> {
        let server = Self::start()?;
        let setting = format!("ALTER SYSTEM SET max_connections = {connections}");
        crate::database::administer(server.url(), &setting).await;
        server.restart(Shutdown::Fast).await;
        Some(server)
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Stops it and starts it again on the same port.
    ///
    /// # Panics
    /// When it refuses.
    pub async fn restart(&self, shutdown: Shutdown) {
        let mode = match shutdown {
            Shutdown::Fast => "fast",
            Shutdown::Immediate => "immediate",
        };
        let data = self.directory.path().join("data");
        let owner = std::fs::metadata(&data).expect("the data of the server");
        let mut command = Command::new(programs().join("pg_ctl"));
        command
            .args(["restart", "--silent", "--wait", "--mode", mode, "--pgdata"])
            .arg(&data)
            .arg("--log")
            .arg(data.join("server.log"))
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        if nix::unistd::geteuid().is_root() {
            command.uid(owner.uid()).gid(owner.gid());
        }
        let restarted = tokio::process::Command::from(command).status();
        let status = crate::within_limit("the restart of PostgreSQL", restarted).await;
        assert!(status.expect("pg_ctl starts").success());
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        script("stop", self.directory.path());
    }
}

/// Where the server's programs are.
fn programs() -> PathBuf {
    let said = Command::new(repository().join("scripts/postgres"))
        .arg("bindir")
        .output()
        .expect("scripts/postgres");
    PathBuf::from(String::from_utf8_lossy(&said.stdout).trim())
}

/// What the script says.
fn script(verb: &str, directory: &Path) -> Vec<u8> {
    let output = Command::new(repository().join("scripts/postgres"))
        .arg(verb)
        .arg(directory)
        .stdin(Stdio::null())
        .output()
        .expect("scripts/postgres");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "scripts/postgres {verb}: {told}");
    output.stdout
}
