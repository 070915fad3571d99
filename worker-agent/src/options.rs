//! What an agent needs to know.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use drover_model::{NodeAttributes, Resources};

use crate::AgentError;

/// How one agent behaves. Made from [`crate::Args`], or directly where agents live inside another program.
#[derive(Clone, Debug)]
pub struct Options {
    /// Each `http://HOST:PORT`; at least one. The agent finds out which of them leads.
    pub coordinators: Vec<String>,
    /// 1 to 100 characters, unique in the cluster.
    pub name: String,
    pub capacity: Resources,
    /// What else the coordinator is told of the host.
    pub attributes: NodeAttributes,
    /// Stress loads become simulated ones.
    pub simulate: bool,
    /// Where commands without a working directory of their own run.
    pub work_dir: PathBuf,
    /// What outlives the process: the last incarnation, and reports not yet acknowledged. Of one agent at a time.
    pub state_dir: PathBuf,
    /// Longest time from SIGTERM to SIGKILL when the agent leaves.
    pub leave_timeout: Duration,
    pub guard: GuardCommand,
}

/// How to start the guard process: a program that calls [`crate::guard::run`].
#[derive(Clone, Debug)]
pub struct GuardCommand {
    pub program: PathBuf,
    pub args: Vec<OsString>,
}

impl GuardCommand {
    /// This program with the argument `guard`.
    pub fn of_this_program() -> Result<Self, AgentError> {
        Ok(Self {
            program: std::env::current_exe().map_err(AgentError::OwnProgram)?,
            args: vec!["guard".into()],
        })
    }
}
