//! Everything that can be set, described once: the doc comments are the help texts.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use drover_model::{dispatch::Mode, policy};
use drover_proto::{spec::Limits, time::parse_duration};
use tonic::transport::Uri;

/// Where the record is kept when nobody says.
pub const DEFAULT_STORE: &str = "sqlite:.drover/drover.db";

const MIN_LEASE: Duration = Duration::from_millis(500);
const MAX_ADDRESS_BYTES: usize = 300;

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
    /// Order in which waiting tasks start (`drover policy list`)
    #[arg(long, value_name = "NAME", default_value = "edf")]
    pub policy: String,
    /// What happens when the first in order fits nowhere: easy, strict or greedy
    #[arg(long, value_name = "MODE", default_value = "easy")]
    pub dispatch: Mode,
    /// How long leadership lasts without renewal
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = parse_duration)]
    pub lease: Duration,
    /// Silence after which a node's attempts are given up
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub node_timeout: Duration,
    /// How often agents send a sign of life
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = parse_duration)]
    pub heartbeat_interval: Duration,
    /// Largest number of tasks in one job
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

/// A coordinator's settings, checked.
#[derive(Clone, Debug)]
pub struct Options {
    /// Port 0 takes a free one; see [`crate::Handle::address`].
    pub listen: SocketAddr,
    /// `None`: that of `listen`.
    pub advertise: Option<String>,
    pub store: String,
    pub policy: &'static dyn policy::Policy,
    pub dispatch: Mode,
    pub lease: Duration,
    pub node_timeout: Duration,
    pub heartbeat_interval: Duration,
    pub limits: Limits,
    pub max_message_bytes: usize,
    pub max_waiting_requests: usize,
    pub record: Option<PathBuf>,
    pub insecure_no_auth: bool,
}

/// A setting that cannot be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error(
        "--listen {0} is reachable from other machines, and nobody is authenticated yet: listen on 127.0.0.1, or pass \
         --insecure-no-auth if whoever reaches the port may run anything"
    )]
    Exposed(SocketAddr),
    #[error(
        "--listen {0} is every address of this machine, and agents and clients need one that they can reach: say which \
         with --advertise http://HOST:PORT"
    )]
    NotAdvertised(SocketAddr),
    #[error("--advertise must be http://HOST:PORT, not `{0}`")]
    Advertise(String),
    #[error("--policy `{name}` does not exist; there are {known}")]
    UnknownPolicy { name: String, known: String },
    #[error(
        "--lease must be at least 500ms, not {0:?}: shorter ones are lost whenever the machine is busy"
    )]
    LeaseTooShort(Duration),
    #[error(
        "--heartbeat-interval {interval:?} is too long for --node-timeout {timeout:?}: at least three must fit, or one \
         late heartbeat loses a node"
    )]
    HeartbeatTooSlow {
        interval: Duration,
        timeout: Duration,
    },
    #[error("--{0} must be more than 0")]
    Zero(&'static str),
}

impl TryFrom<Args> for Options {
    type Error = ConfigError;

    fn try_from(args: Args) -> Result<Self, ConfigError> {
        let policy = policy::find(&args.policy).ok_or_else(|| ConfigError::UnknownPolicy {
            name: args.policy.clone(),
            known: policy::ALL.map(policy::Policy::name).join(", "),
        })?;
        let options = Self {
            listen: args.listen,
            advertise: args.advertise,
            store: args.store,
            policy,
            dispatch: args.dispatch,
            lease: args.lease,
            node_timeout: args.node_timeout,
            heartbeat_interval: args.heartbeat_interval,
            limits: Limits {
                tasks_per_job: args.max_tasks_per_job,
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

impl Options {
    /// The defaults of the flags, with this address and store.
    pub fn new(listen: SocketAddr, store: impl Into<String>) -> Self {
        Self {
            listen,
            advertise: None,
            store: store.into(),
            policy: policy::find("edf").expect("a built-in policy"),
            dispatch: Mode::Easy,
            lease: Duration::from_secs(3),
            node_timeout: Duration::from_secs(10),
            heartbeat_interval: Duration::from_secs(1),
            limits: Limits::default(),
            max_message_bytes: 4 * 1024 * 1024,
            max_waiting_requests: 8_192,
            record: None,
            insecure_no_auth: false,
        }
    }

    /// # Errors
    /// When settings contradict each other or safety.
    pub fn check(&self) -> Result<(), ConfigError> {
        if !self.listen.ip().to_canonical().is_loopback() && !self.insecure_no_auth {
            return Err(ConfigError::Exposed(self.listen));
        }
        match &self.advertise {
            Some(url) if !is_http_address(url) => {
                return Err(ConfigError::Advertise(url.clone()));
            }
            None if self.listen.ip().to_canonical().is_unspecified() => {
                return Err(ConfigError::NotAdvertised(self.listen));
            }
            _ => {}
        }
        if self.lease < MIN_LEASE {
            return Err(ConfigError::LeaseTooShort(self.lease));
        }
        if self.heartbeat_interval.is_zero() {
            return Err(ConfigError::Zero("heartbeat-interval"));
        }
        if self.heartbeat_interval.saturating_mul(3) > self.node_timeout {
            return Err(ConfigError::HeartbeatTooSlow {
                interval: self.heartbeat_interval,
                timeout: self.node_timeout,
            });
        }
        for (name, value) in [
            ("max-tasks-per-job", self.limits.tasks_per_job),
            ("max-message-bytes", self.max_message_bytes),
            ("max-waiting-requests", self.max_waiting_requests),
        ] {
            if value == 0 {
                return Err(ConfigError::Zero(name));
            }
        }
        Ok(())
    }

    /// Where others reach a coordinator that listens on `bound`.
    pub(crate) fn advertised(&self, bound: SocketAddr) -> String {
        match &self.advertise {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{bound}"),
        }
    }
}

fn is_http_address(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else {
        return false;
    };
    matches!(uri.scheme_str(), Some("http" | "https"))
        && uri.host().is_some_and(|host| !host.is_empty())
        && matches!(uri.path(), "" | "/")
        && uri.query().is_none()
        && text.len() <= MAX_ADDRESS_BYTES
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Program {
        #[command(flatten)]
        args: Args,
    }

    fn options(flags: &[&str]) -> Result<Options, ConfigError> {
        let words = ["drover", "--store", "sqlite:x"].iter().chain(flags);
        Program::try_parse_from(words)
            .expect("flags that parse")
            .args
            .try_into()
    }

    #[test]
    fn flags_default_to_what_options_default_to() {
        let from_flags = options(&[]).unwrap();
        let direct = Options::new(from_flags.listen, "sqlite:x");
        assert_eq!(format!("{from_flags:?}"), format!("{direct:?}"));
    }

    #[test]
    fn other_machines_are_kept_out_unless_said_out_loud() {
        let exposed = options(&["--listen", "0.0.0.0:7700"]).unwrap_err();
        assert!(
            exposed.to_string().contains("--insecure-no-auth"),
            "{exposed}"
        );
        let everywhere = [
            "--listen",
            "0.0.0.0:7700",
            "--insecure-no-auth",
            "--advertise",
            "http://a:7700",
        ];
        assert!(options(&everywhere).is_ok());
        assert!(options(&["--listen", "[::1]:7700"]).is_ok());
    }

    #[test]
    fn others_must_be_able_to_reach_it() {
        let flags = ["--listen", "[::]:7700", "--insecure-no-auth"];
        let missing = options(&flags).unwrap_err().to_string();
        assert!(missing.contains("--advertise"), "{missing}");
        for wrong in [
            "a:7700",
            "http://",
            "ftp://a:1",
            "http://a/b",
            "http://a b",
            "",
        ] {
            let refused = options(&["--advertise", wrong]);
            assert!(matches!(refused, Err(ConfigError::Advertise(_))), "{wrong}");
        }
        let bound = "127.0.0.1:5".parse().unwrap();
        assert_eq!(
            options(&[]).unwrap().advertised(bound),
            "http://127.0.0.1:5"
        );
        let named = options(&["--advertise", "http://one.example:7700/"]).unwrap();
        assert_eq!(named.advertised(bound), "http://one.example:7700");
    }

    #[test]
    fn contradictions_are_refused() {
        let unknown = options(&["--policy", "lifo"]).unwrap_err().to_string();
        assert!(
            unknown.contains("`lifo`") && unknown.contains("edf"),
            "{unknown}"
        );
        assert!(matches!(
            options(&["--lease", "1ms"]),
            Err(ConfigError::LeaseTooShort(_))
        ));
        assert!(matches!(
            options(&["--heartbeat-interval", "9s"]),
            Err(ConfigError::HeartbeatTooSlow { .. })
        ));
        assert_eq!(
            options(&["--max-tasks-per-job", "0"]).unwrap_err(),
            ConfigError::Zero("max-tasks-per-job")
        );
    }

    #[test]
    fn durations_are_what_people_write() {
        let options = options(&["--node-timeout", "1m30s"]).unwrap();
        assert_eq!(options.node_timeout, Duration::from_secs(90));
    }
}
