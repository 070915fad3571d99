//! State and transitions.

use crate::{Effects, Event, Snapshot, Timestamp, dispatch::Mode};

/// How a cluster behaves. Fixed while a leadership lasts.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Name of a built-in policy ([`crate::policy::find`]).
    pub policy: &'static str,
    pub mode: Mode,
    /// Silence after which a node's attempts are given up.
    pub node_timeout_ms: u64,
    /// How often a task may lose its node before it fails.
    pub max_lost: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            policy: "edf",
            mode: Mode::Easy,
            node_timeout_ms: 10_000,
            max_lost: 3,
        }
    }
}

/// Everything open, in memory.
#[derive(Debug)]
pub struct Cluster {
    config: Config,
}

impl Cluster {
    /// Rebuilds the state from the store. Every node is disconnected and has a fresh allowance until it joins again.
    pub fn load(config: Config, snapshot: Snapshot, now: Timestamp) -> Self {
        let _ = (snapshot, now);
        Self { config }
    }

    /// Takes one event. Never fails: what is refused is answered.
    pub fn step(&mut self, now: Timestamp, event: Event, effects: &mut Effects) {
        let _ = (now, event, effects, &self.config);
    }

    /// When [`Event::Tick`] is due at the latest. `None`: nothing waits for time.
    pub fn next_timer(&self) -> Option<Timestamp> {
        None
    }

    /// True when something may have become startable since the last [`Event::Dispatch`].
    pub fn wants_dispatch(&self) -> bool {
        false
    }

    /// What the policy proposes now. The caller steps it as [`Event::Dispatch`].
    pub fn decide(&mut self, now: Timestamp) -> crate::Decision {
        let _ = now;
        crate::Decision::default()
    }

    /// The last turn before this leadership; see [`Event::Submit`].
    pub fn config(&self) -> &Config {
        &self.config
    }
}
