//! Which processes on this machine belong to a test.

use std::{collections::BTreeMap, fs, process::Command};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{drover, until};

const VARIABLE: &str = "DROVER_TEST_MARK";

/// A variable in the environment of agents, and so of everything that they start.
#[derive(Debug)]
pub struct Mark(String);

/// A process that an agent of the test has started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marked {
    pub id: u32,
    /// With the names that agents give to commands.
    pub environment: BTreeMap<String, String>,
}

impl Mark {
    pub(crate) fn new() -> Self {
        Self(uuid::Uuid::now_v7().simple().to_string())
    }

    pub(crate) fn put_on(&self, command: &mut Command) {
        command.env(VARIABLE, &self.0);
    }

    /// Everything that agents have started and that lives, without the agents and their guards.
    ///
    /// # Panics
    /// When the system does not list its processes.
    pub fn processes(&self) -> Vec<Marked> {
        let program = drover();
        let listed = fs::read_dir("/proc").expect("a list of processes");
        let ids = listed.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        ids.filter_map(|id: u32| {
            let environment = environment(id)?;
            let is_ours = environment.get(VARIABLE) == Some(&self.0);
            let is_drover = fs::read_link(format!("/proc/{id}/exe")).ok()? == program;
            (is_ours && !is_drover).then_some(Marked { id, environment })
        })
        .collect()
    }

    /// Those that were started on this node.
    pub fn processes_of(&self, node: &str) -> Vec<Marked> {
        let mut processes = self.processes();
        processes.retain(|process| {
            let of = process.environment.get("DROVER_NODE");
            of.is_some_and(|name| name == node)
        });
        processes
    }

    /// Waits until no command lives.
    pub async fn nothing_left(&self) {
        until("the last processes of the test to end", async || {
            self.processes().is_empty().then_some(())
        })
        .await;
    }
}

impl Drop for Mark {
    /// When a test fails because something was left behind, nothing is left behind all the same.
    fn drop(&mut self) {
        for process in self.processes() {
            let _ = kill(Pid::from_raw(process.id.cast_signed()), Signal::SIGKILL);
        }
    }
}

/// `None` when the process is gone, or dead and not yet waited for.
fn environment(id: u32) -> Option<BTreeMap<String, String>> {
    let bytes = fs::read(format!("/proc/{id}/environ")).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let variables = text.split('\0').filter_map(|pair| pair.split_once('='));
    Some(
        variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    )
}
