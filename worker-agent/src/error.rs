//! Why an agent cannot start or go on.

use std::{io, path::PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    #[error(
        "--coordinator must be an address such as http://127.0.0.1:7700, not `{address}`: {problem}"
    )]
    Coordinator { address: String, problem: String },
    #[error("--name: the name of the node {problem}; it is `{name}`")]
    Name { name: String, problem: &'static str },
    #[error("--label {label}: expected KEY=VALUE with a key that is not empty and used once")]
    Label { label: String },
    #[error("--work-dir {path}: {source}", path = .path.display())]
    WorkDir { path: PathBuf, source: io::Error },
    #[error("cannot find out the size of the disk at {path}: {source}; give it with --disk", path = .path.display())]
    Disk { path: PathBuf, source: io::Error },
    #[error("cannot find out the name of the host: {0}; give one with --name")]
    NoHostName(sysinfo::Error),
    #[error("cannot measure the use of this host: {0}")]
    Measure(sysinfo::Error),
    #[error("cannot find out how much memory there is: {0}; give it with --memory")]
    Memory(sysinfo::Error),
    #[error("cannot start the guard process `{program}`: {source}", program = .program.display())]
    Guard { program: PathBuf, source: io::Error },
    #[error("cannot find this program's own file, which the guard process needs: {0}")]
    OwnProgram(io::Error),
    #[error("cannot listen for signals: {0}")]
    Signals(io::Error),
}
