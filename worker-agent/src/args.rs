//! The command line of an agent.

mod host;

use std::{path::PathBuf, time::Duration};

use drover_proto::{agent::check_node_name, time::parse_duration};

use crate::{AgentError, GuardCommand, Options, capacity, state};
use host::HostArgs;

#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Address of the coordinator; of several, separated by commas, the agent finds the one that leads.
    #[arg(
        long,
        env = "DROVER_COORDINATOR",
        value_name = "URL",
        value_delimiter = ',',
        default_value = "http://127.0.0.1:7700"
    )]
    coordinator: Vec<String>,
    /// Name of this node, unique in the cluster, 1 to 100 characters [default: the host's name].
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    host: HostArgs,
    /// Run stress loads as simulated ones, which only take time.
    #[arg(long)]
    simulate: bool,
    /// Where commands without a working directory of their own run [default: the current directory].
    #[arg(long, value_name = "DIR")]
    work_dir: Option<PathBuf>,
    /// Where to keep what outlives the agent's process, such as reports that the coordinator has not yet acknowledged;
    /// each agent needs its own [default: /var/lib/drover/agents/NAME for root, else
    /// $XDG_STATE_HOME/drover/agents/NAME or ~/.local/state/drover/agents/NAME].
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// How long tasks may take to end when the agent is asked to (SIGTERM, SIGINT): each has its own grace, and this at
    /// most. A second signal ends everything at once.
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = parse_duration)]
    leave_timeout: Duration,
}

impl Args {
    /// Finds out what was not given.
    pub fn into_options(self, guard: GuardCommand) -> Result<Options, AgentError> {
        let given = self.work_dir.unwrap_or_else(|| PathBuf::from("."));
        let work_dir = std::fs::canonicalize(&given).map_err(|source| AgentError::WorkDir {
            path: given,
            source,
        })?;
        let name = match self.name {
            Some(name) => name,
            None => host_name()?,
        };
        if let Err(error) = check_node_name(&name) {
            return Err(AgentError::Name {
                name,
                problem: error.problem,
            });
        }
        let state_dir = match self.state_dir {
            Some(given) => given,
            None => state::default_dir(&name).ok_or(AgentError::NoStateDir)?,
        };
        Ok(Options {
            coordinators: self.coordinator,
            attributes: self.host.attributes()?,
            capacity: capacity::offered(self.host.given(), &work_dir)?,
            leave_timeout: self.leave_timeout,
            simulate: self.simulate,
            work_dir,
            state_dir,
            name,
            guard,
        })
    }
}

fn host_name() -> Result<String, AgentError> {
    sysinfo::System::host_name().map_err(AgentError::NoHostName)
}
