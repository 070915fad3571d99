//! Why an agent cannot start or go on.

use std::{io, path::PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    #[error(
        "--coordinator must be addresses such as http://127.0.0.1:7700, separated by commas, not `{address}`: {problem}"
    )]
    Coordinator { address: String, problem: String },
    #[error("--name: the name of the node {problem}; it is `{name}`")]
    Name { name: String, problem: &'static str },
    #[error("--label {name} is given twice")]
    Label { name: String },
    #[error("--resource {name} is given twice")]
    Resource { name: String },
    #[error("what the flags say of this host: {field} {problem}")]
    Attributes {
        field: &'static str,
        problem: &'static str,
    },
    #[error("--work-dir {path}: {source}", path = .path.display())]
    WorkDir { path: PathBuf, source: io::Error },
    #[error("--state-dir {path}: cannot {what}: {source}", path = .path.display())]
    StateDir {
        path: PathBuf,
        what: &'static str,
        source: io::Error,
    },
    #[error(
        "--state-dir {path} is in use by another agent, process {holder}: give each agent a directory of its own",
        path = .path.display()
    )]
    StateDirInUse { path: PathBuf, holder: String },
    #[error(
        "cannot tell where to keep the state of the agent: neither XDG_STATE_HOME nor HOME names a directory; give one \
         with --state-dir"
    )]
    NoStateDir,
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
    #[error(
        "the guard process has ended ({how}); without it nothing would end the tasks of an agent that is killed, so all \
         were stopped. Start the agent again"
    )]
    GuardEnded { how: String },
    #[error(
        "another agent has joined as node `{name}`, so all tasks were killed here: give each agent a --name of its own"
    )]
    Superseded { name: String },
    #[error("cannot find this program's own file, which the guard process needs: {0}")]
    OwnProgram(io::Error),
    #[error("cannot make a timer: {0}")]
    Timer(io::Error),
    #[error("cannot listen for signals: {0}")]
    Signals(io::Error),
}
