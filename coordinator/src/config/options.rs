//! Settings, and which of them can be.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use drover_model::{
    Weights,
    dispatch::Mode,
    policy::{self, FindPolicyError, Policy},
};
use drover_proto::spec::Limits;
use tonic::transport::Uri;

const MIN_LEASE: Duration = Duration::from_millis(500);
const MAX_ADDRESS_BYTES: usize = 300;

/// A coordinator's settings, checked.
#[derive(Clone, Debug)]
pub struct Options {
    /// Port 0 takes a free one; see [`crate::Handle::address`].
    pub listen: SocketAddr,
    /// `None`: that of `listen`.
    pub advertise: Option<String>,
    pub store: String,
    /// To begin with; what is used then is kept in the store.
    pub policy: Arc<dyn Policy>,
    /// What takes over when the policy in use fails.
    pub fallback: Arc<dyn Policy>,
    /// How long a round of dispatch may take.
    pub decision_budget: Duration,
    /// How often the guard looks.
    pub guard_interval: Duration,
    /// Jobs that it replays at a time.
    pub guard_jobs: u32,
    /// Order of what is tried beside a reservation. `None`: that of `policy`.
    pub backfill: Option<Arc<dyn Policy>>,
    pub dispatch: Mode,
    pub weights: Weights,
    /// What has waited so long goes before all others. `None`: nothing grows old.
    pub age_cap: Option<Duration>,
    pub refuse_impossible: bool,
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
    #[error("--policy: {0}")]
    Policy(FindPolicyError),
    #[error("--fallback-policy: {0}")]
    Fallback(FindPolicyError),
    #[error("--backfill-order: {0}")]
    BackfillOrder(FindPolicyError),
    #[error(
        "--lease must be at least 500ms, not {0:?}: shorter ones are lost whenever the machine is busy"
    )]
    LeaseTooShort(Duration),
    #[error(
        "--heartbeat-interval {interval:?} is too long for --node-timeout {timeout:?}: at least three must fit into half \
         of it, which is the lease of agents, or one late heartbeat ends what an agent may run only with a lease"
    )]
    HeartbeatTooSlow {
        interval: Duration,
        timeout: Duration,
    },
    #[error("--{0} must be more than 0")]
    Zero(&'static str),
}

impl Options {
    /// The defaults of the flags, with this address and store.
    pub fn new(listen: SocketAddr, store: impl Into<String>) -> Self {
        Self {
            listen,
            advertise: None,
            store: store.into(),
            policy: policy::find("edf").expect("a built-in policy"),
            fallback: policy::find("edf").expect("a built-in policy"),
            decision_budget: Duration::from_millis(100),
            guard_interval: Duration::from_secs(60),
            guard_jobs: 100,
            backfill: None,
            dispatch: Mode::Easy,
            weights: Weights::default(),
            age_cap: Some(Duration::from_secs(24 * 60 * 60)),
            refuse_impossible: false,
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

    /// In milliseconds.
    pub(crate) fn age_cap_ms(&self) -> Option<u64> {
        let cap = self.age_cap?.as_millis();
        Some(u64::try_from(cap).unwrap_or(u64::MAX))
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
        if self.heartbeat_interval.saturating_mul(3) > self.agent_lease() {
            return Err(ConfigError::HeartbeatTooSlow {
                interval: self.heartbeat_interval,
                timeout: self.node_timeout,
            });
        }
        if self.guard_interval.is_zero() {
            return Err(ConfigError::Zero("guard-interval"));
        }
        for (name, value) in [
            ("guard-jobs", self.guard_jobs as usize),
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

    /// How long an agent that is cut off may go on with tasks that ask to be stopped then. What is left until the node is
    /// given up is for stopping them.
    pub(crate) fn agent_lease(&self) -> Duration {
        self.node_timeout / 2
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
