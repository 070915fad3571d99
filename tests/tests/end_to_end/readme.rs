//! What the README says about PostgreSQL is run as it stands there.

use std::{
    fs::Permissions,
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use drover_tests::{Process, clean_command, drover, repository};
use tempfile::TempDir;

const HEADING: &str = "## The same job on PostgreSQL, with separate processes";
const DEFAULT_ADDRESS: &str = "127.0.0.1:7700";

/// Lines of the first fenced block after the heading.
fn block() -> String {
    let readme = std::fs::read_to_string(repository().join("README.md")).expect("a README");
    let (_, section) = readme.split_once(HEADING).expect("the heading");
    let (_, rest) = section.split_once("```sh\n").expect("a block");
    let (block, _) = rest.split_once("```").expect("the end of the block");
    block.to_owned()
}

/// A place of its own for everything that the block starts, PostgreSQL included.
struct Place {
    directory: TempDir,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        // PostgreSQL may run under another account.
        std::fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).expect("ours");
        Self { directory }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = clean_command(program);
        let own = drover().parent().expect("a folder").to_owned();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(own).chain(std::env::split_paths(&path));
        command
            .current_dir(repository())
            .env("TMPDIR", self.path())
            .env("PIPELINE_OUT", self.results())
            .env("PATH", std::env::join_paths(folders).expect("folders"));
        command
    }

    fn results(&self) -> PathBuf {
        self.path().join("results")
    }
}

impl Drop for Place {
    /// The block has done it already, unless it failed.
    fn drop(&mut self) {
        let stopped = self.command("scripts/postgres").arg("stop").status();
        if !stopped.is_ok_and(|status| status.success()) {
            eprintln!("PostgreSQL may still run in {}", self.path().display());
        }
    }
}

#[tokio::test]
async fn postgres_with_separate_processes() {
    if let Err(error) = TcpListener::bind(DEFAULT_ADDRESS) {
        panic!("the commands of the README need {DEFAULT_ADDRESS}: {error}");
    }
    let place = Place::new();
    let block = block();
    assert_eq!(block.matches("drover agent").count(), 2, "{block}");
    let script = place.path().join("block.sh");
    std::fs::write(&script, &block).expect("writable");
    let mut command = place.command("bash");
    command.args(["-eu", "-o", "pipefail"]).arg(&script);
    let mut commands = Process::start("block", place.path(), command);
    let status = commands.end().await;
    let log = commands.log();
    assert_eq!(status.code(), Some(0), "{log}");
    let listed = log.lines().find(|line| line.contains("  pipeline  "));
    let listed = listed.unwrap_or_else(|| panic!("no list of jobs in {log}"));
    assert!(listed.contains("succeeded"), "{listed}");
    assert!(place.results().join("SHA256SUMS").is_file());
    let left: Vec<_> = std::fs::read_dir(place.path())
        .expect("readable")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with("drover-postgres"))
        .collect();
    assert_eq!(left, Vec::<String>::new(), "the server has gone");
}
