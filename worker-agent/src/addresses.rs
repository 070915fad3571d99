//! Where coordinators are, and which of them to try next.

use std::{sync::Arc, time::Duration};

use tonic::{Status, transport::Endpoint};
use tonic_types::StatusExt as _;

use crate::{AgentError, backoff::Backoff};

/// How long a host may take to answer that is tried alone, and one of several.
const CONNECT: Duration = Duration::from_secs(5);
const CONNECT_ONE_OF_SEVERAL: Duration = Duration::from_secs(1);

/// One coordinator.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) url: Arc<str>,
    pub(crate) endpoint: Endpoint,
}

impl PartialEq for Target {
    fn eq(&self, other: &Self) -> bool {
        self.url == other.url
    }
}

impl Target {
    /// The connection notices a peer that has silently gone.
    pub(crate) fn new(address: &str) -> Result<Self, AgentError> {
        let wrong = |problem: String| AgentError::Coordinator {
            address: address.to_owned(),
            problem,
        };
        let endpoint =
            Endpoint::from_shared(address.to_owned()).map_err(|error| wrong(error.to_string()))?;
        if endpoint.uri().scheme_str() != Some("http") || endpoint.uri().authority().is_none() {
            return Err(wrong("it has to begin with http://HOST:PORT".to_owned()));
        }
        Ok(Self {
            url: address.trim_end_matches('/').into(),
            endpoint: endpoint
                .connect_timeout(CONNECT)
                .http2_keep_alive_interval(Duration::from_secs(10))
                .keep_alive_timeout(Duration::from_secs(10)),
        })
    }
}

/// Rounds of attempts: first what led last, then the addresses that were given, and in between whomever one of them
/// names as the leader; each once. Only between rounds is there a wait.
#[derive(Debug)]
pub(crate) struct Addresses {
    given: Vec<Target>,
    /// Where the last session was.
    last: Option<Target>,
    current: Target,
    /// In this round, `current` included.
    tried: Vec<Arc<str>>,
    backoff: Backoff,
}

impl Addresses {
    pub(crate) fn new(addresses: &[String]) -> Result<Self, AgentError> {
        let given: Vec<Target> = addresses
            .iter()
            .map(|address| Target::new(address.trim()))
            .collect::<Result<_, _>>()?;
        let first = given.first().ok_or(AgentError::Coordinator {
            address: String::new(),
            problem: "there is none".to_owned(),
        })?;
        Ok(Self {
            last: None,
            current: first.clone(),
            tried: vec![Arc::clone(&first.url)],
            given,
            backoff: Backoff::default(),
        })
    }

    pub(crate) fn current(&self) -> &Target {
        &self.current
    }

    /// To connect with. Where there are others to try, nobody is waited for long.
    pub(crate) fn endpoint(&self) -> Endpoint {
        let endpoint = self.current.endpoint.clone();
        if self.given.len() > 1 {
            endpoint.connect_timeout(CONNECT_ONE_OF_SEVERAL)
        } else {
            endpoint
        }
    }

    /// The current one leads.
    pub(crate) fn accepted(&mut self) {
        self.last = Some(self.current.clone());
        self.tried = vec![Arc::clone(&self.current.url)];
        self.backoff.reset();
    }

    /// The current one does not serve, or not any more, and may have said who does. Moves on to the next; how long to
    /// wait before it is tried.
    pub(crate) fn failed(&mut self, leader: Option<&Target>) -> Duration {
        let next = leader
            .into_iter()
            .chain(&self.last)
            .chain(&self.given)
            .find(|target| !self.tried.contains(&target.url))
            .cloned();
        let (next, wait) = match next {
            Some(next) => (next, Duration::ZERO),
            None => {
                self.tried.clear();
                let first = self.last.as_ref().unwrap_or(&self.given[0]);
                (first.clone(), self.backoff.next())
            }
        };
        self.tried.push(Arc::clone(&next.url));
        self.current = next;
        wait
    }
}

/// Whom a coordinator that does not lead names as the leader, if it knows.
pub(crate) fn leader(status: &Status) -> Option<Target> {
    let details = status.get_error_details();
    let info = details.error_info()?;
    let leader = info.metadata.get("leader")?;
    if info.reason != "NOT_LEADER" || leader.is_empty() {
        return None;
    }
    let target = Target::new(leader);
    if let Err(error) = &target {
        tracing::warn!(%error, "a coordinator names a leader that cannot be reached");
    }
    target.ok()
}

/// Whether a coordinator says that a newer agent has joined under the same name.
pub(crate) fn is_superseded(status: &Status) -> bool {
    let details = status.get_error_details();
    details
        .error_info()
        .is_some_and(|info| info.reason == "SUPERSEDED")
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, time::Duration};

    use tonic::{Code, Status};
    use tonic_types::{ErrorDetails, StatusExt as _};

    use super::{Addresses, Target, leader};

    fn target(name: &str) -> Target {
        Target::new(&format!("http://{name}:1")).expect("an address")
    }

    fn addresses<const N: usize>(names: [&str; N]) -> Addresses {
        let addresses = names.map(|name| target(name).url.to_string());
        Addresses::new(&addresses).expect("addresses")
    }

    /// What follows after a failure, and whether at once.
    fn next(addresses: &mut Addresses, leader: Option<&str>) -> (String, bool) {
        let wait = addresses.failed(leader.map(target).as_ref());
        let host = addresses.current().endpoint.uri().host();
        (host.expect("one").to_owned(), wait == Duration::ZERO)
    }

    fn at_once(name: &str) -> (String, bool) {
        (name.to_owned(), true)
    }

    fn later(name: &str) -> (String, bool) {
        (name.to_owned(), false)
    }

    #[test]
    fn only_when_all_have_failed_there_is_a_wait() {
        let mut three = addresses(["a", "b", "c"]);
        let seen: Vec<_> = (0..6).map(|_| next(&mut three, None)).collect();
        let round = [at_once("b"), at_once("c"), later("a")];
        assert_eq!(seen, [round.clone(), round].concat());
        let mut one = addresses(["a"]);
        assert_eq!(next(&mut one, None), later("a"));
    }

    #[test]
    fn a_redirect_is_followed_once_in_a_round() {
        let mut two = addresses(["a", "b"]);
        assert_eq!(next(&mut two, Some("x")), at_once("x"));
        assert_eq!(next(&mut two, Some("x")), at_once("b"));
        assert_eq!(next(&mut two, Some("x")), later("a"));
        assert_eq!(next(&mut two, Some("x")), at_once("x"));
    }

    #[test]
    fn what_led_last_comes_first() {
        let mut two = addresses(["a", "b"]);
        assert_eq!(next(&mut two, Some("x")), at_once("x"));
        two.accepted();
        assert_eq!(next(&mut two, None), at_once("a"));
        assert_eq!(next(&mut two, None), at_once("b"));
        assert_eq!(next(&mut two, None), later("x"));
    }

    #[test]
    fn waits_begin_anew_after_a_session() {
        let mut one = addresses(["a"]);
        for _ in 0..10 {
            one.failed(None);
        }
        one.accepted();
        assert!(one.failed(None) <= Duration::from_millis(50));
    }

    #[test]
    fn a_status_names_the_leader_or_not() {
        let status = |reason: &str, leader: &str| {
            let metadata = HashMap::from([("leader".to_owned(), leader.to_owned())]);
            let details = ErrorDetails::with_error_info(reason, "drover", metadata);
            Status::with_error_details(Code::Unavailable, "go away", details)
        };
        let found = leader(&status("NOT_LEADER", "http://x:1"));
        assert_eq!(found, Some(target("x")));
        for status in [
            status("NOT_LEADER", ""),
            status("NOT_LEADER", "nonsense"),
            status("OVERLOADED", "http://x:1"),
            Status::unavailable("no details"),
        ] {
            assert_eq!(leader(&status), None);
        }
    }
}
