//! Everything that can be set, described once: the doc comments are the help texts.

mod options;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use drover_model::{Weights, dispatch::Mode, policy};
use drover_proto::{spec::Limits, time::parse_duration};

pub use options::{ConfigError, Options};

/// Where the record is kept when nobody says.
pub const DEFAULT_STORE: &str = "sqlite:.drover/drover.db";

/// Flags of the coordinator.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Address to serve on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7700")]
    pub listen: SocketAddr,
    /// Address under which agents, clients and other coordinators reach this one, and its name among those that share a
    /// store; by default that of --listen
    #[arg(long, value_name = "URL")]
    pub advertise: Option<String>,
    /// Where the record is kept: sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE
    #[arg(
        long,
        value_name = "URL",
        env = "DATABASE_URL",
        hide_env_values = true,
        default_value = DEFAULT_STORE
    )]
    pub store: String,
    /// Order in which waiting tasks start, until `drover policy use` says otherwise (`drover policy list`)
    #[arg(long, value_name = "NAME", default_value = "edf")]
    pub policy: String,
    /// What happens when the first in order fits nowhere: easy, strict or greedy
    #[arg(long, value_name = "MODE", default_value = "easy")]
    pub dispatch: Mode,
    /// Order in which others are tried beside a reservation (--dispatch easy); by default that of --policy
    #[arg(long, value_name = "NAME")]
    pub backfill_order: Option<String>,
    /// Rule that takes over when the policy in use fails: when its rounds of dispatch take too long, propose what is not
    /// possible, or panic, or when its jobs would have been better off with this rule
    #[arg(long, value_name = "NAME", default_value = "edf")]
    pub fallback_policy: String,
    /// How long a round of dispatch may take, besides 50 microseconds for each task that it places; a policy that takes
    /// longer half of the time is given up
    #[arg(long, value_name = "DURATION", default_value = "100ms", value_parser = parse_duration)]
    pub decision_budget: Duration,
    /// How often the guard looks whether the jobs of the policy in use would have been better off with --fallback-policy
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = parse_duration)]
    pub guard_interval: Duration,
    /// How many jobs, one after the other, it replays at a time
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    pub guard_jobs: u32,
    /// How much each term counts when a node is chosen, from 0 to 10; those that are not named keep their weight
    #[arg(long, value_name = "TERM=WEIGHT,...", default_value_t = Weights::default())]
    pub score_weights: Weights,
    /// A task that has waited so long goes before all others, and capacity is kept for it; 0s: nothing grows old
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = parse_duration)]
    pub age_cap: Duration,
    /// Refuse jobs with a task, or gang, for which all nodes that ever joined would be too small; without it they wait
    #[arg(long)]
    pub refuse_impossible: bool,
    /// How long leadership lasts without renewal
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = parse_duration)]
    pub lease: Duration,
    /// Silence after which a node's attempts are given up
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub node_timeout: Duration,
    /// How often agents send a sign of life
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = parse_duration)]
    pub heartbeat_interval: Duration,
    /// Largest number of tasks in one job, of which an array or a gang is one
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000)]
    pub max_tasks_per_job: usize,
    /// Largest request in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 4 * 1024 * 1024)]
    pub max_message_bytes: usize,
    /// Requests that may wait to be taken up; more are refused until there is room
    #[arg(long, value_name = "NUMBER", default_value_t = 8_192)]
    pub max_waiting_requests: usize,
    /// Append everything that the scheduler decides on to this file, to be replayed with drover-sim
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Serve beyond this machine although nobody is authenticated: whoever reaches the port may do everything
    #[arg(long)]
    pub insecure_no_auth: bool,
}

impl TryFrom<Args> for Options {
    type Error = ConfigError;

    fn try_from(args: Args) -> Result<Self, ConfigError> {
        let policy = policy::find(&args.policy).map_err(ConfigError::Policy)?;
        let backfill = args.backfill_order.as_deref().map(policy::find);
        let backfill = backfill.transpose().map_err(ConfigError::BackfillOrder)?;
        let options = Self {
            listen: args.listen,
            advertise: args.advertise,
            store: args.store,
            policy,
            fallback: policy::find(&args.fallback_policy).map_err(ConfigError::Fallback)?,
            decision_budget: args.decision_budget,
            guard_interval: args.guard_interval,
            guard_jobs: args.guard_jobs,
            backfill,
            dispatch: args.dispatch,
            weights: args.score_weights,
            age_cap: Some(args.age_cap).filter(|cap| !cap.is_zero()),
            refuse_impossible: args.refuse_impossible,
            lease: args.lease,
            node_timeout: args.node_timeout,
            heartbeat_interval: args.heartbeat_interval,
            limits: Limits {
                tasks_per_job: args.max_tasks_per_job,
                ..Limits::default()
            },
            max_message_bytes: args.max_message_bytes,
            max_waiting_requests: args.max_waiting_requests,
            record: args.record,
            insecure_no_auth: args.insecure_no_auth,
        };
        options.check()?;
        Ok(options)
    }
}

#[cfg(test)]
mod tests;
