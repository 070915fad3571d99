//! What the agent knows of attempts.

use std::collections::BTreeMap;

use crate::{AttemptKey, OnDisconnect, Timestamp};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Accepted; its process may run.
    Held {
        on_disconnect: OnDisconnect,
        grace_ms: u32,
    },
    /// Being killed, since the lease is over.
    Fenced,
    /// Being killed; nobody waits for its end.
    Discarded,
    /// Its end stands in the outbox.
    Reported,
}

/// What becomes of the news that an attempt has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    ToReport,
    /// To be reported as fenced, however it ended.
    Fenced,
    Forgotten,
}

#[derive(Debug, Default)]
pub(super) struct Attempts {
    states: BTreeMap<AttemptKey, State>,
    /// In the states Held and Fenced.
    held: usize,
    /// In the state Held, and must not outlive the lease.
    leased: usize,
    /// Started since the last report; those that have ended meanwhile are skipped when it is made.
    unannounced: Vec<(AttemptKey, Timestamp)>,
}

impl Attempts {
    pub(super) fn knows(&self, key: AttemptKey) -> bool {
        self.states.contains_key(&key)
    }

    /// Its process may live.
    pub(super) fn holds(&self, key: AttemptKey) -> bool {
        self.states.get(&key).is_some_and(State::is_held)
    }

    pub(super) fn holds_any(&self) -> bool {
        self.held > 0
    }

    /// True when something runs that must not outlive the lease.
    pub(super) fn holds_leased(&self) -> bool {
        self.leased > 0
    }

    /// In ascending order.
    pub(super) fn held(&self) -> Vec<AttemptKey> {
        self.states
            .iter()
            .filter(|(_, state)| state.is_held())
            .map(|(key, _)| *key)
            .collect()
    }

    /// Those that nothing kills yet, in ascending order, with the grace that each has.
    pub(super) fn graces(&self) -> impl Iterator<Item = (AttemptKey, u32)> {
        self.states.iter().filter_map(|(key, state)| match *state {
            State::Held { grace_ms, .. } => Some((*key, grace_ms)),
            _ => None,
        })
    }

    pub(super) fn accept(&mut self, key: AttemptKey, on_disconnect: OnDisconnect, grace_ms: u32) {
        let state = State::Held {
            on_disconnect,
            grace_ms,
        };
        let before = self.states.insert(key, state);
        assert_eq!(before, None, "{key:?} is accepted once");
        self.held += 1;
        self.leased += usize::from(state.is_leased());
    }

    /// The lease is over. Those that must not outlive it, in ascending order, with the grace that each has.
    pub(super) fn fence(&mut self) -> Vec<(AttemptKey, u32)> {
        let mut fenced = Vec::new();
        for (key, state) in &mut self.states {
            if let State::Held {
                on_disconnect: OnDisconnect::Stop,
                grace_ms,
            } = *state
            {
                *state = State::Fenced;
                fenced.push((*key, grace_ms));
            }
        }
        self.leased = 0;
        fenced
    }

    /// Its end is reported without its having been held.
    pub(super) fn remember(&mut self, key: AttemptKey) {
        let before = self.states.insert(key, State::Reported);
        assert_eq!(before, None, "{key:?} was not known");
    }

    /// True when there is something to kill.
    pub(super) fn discard(&mut self, key: AttemptKey) -> bool {
        match self.states.get_mut(&key) {
            Some(state) if state.is_held() => {
                self.leased -= usize::from(state.is_leased());
                self.held -= 1;
                *state = State::Discarded;
                true
            }
            _ => false,
        }
    }

    pub(super) fn started(&mut self, key: AttemptKey, at: Timestamp) {
        if self.holds(key) {
            self.unannounced.push((key, at));
        }
    }

    pub(super) fn has_unannounced(&self) -> bool {
        self.unannounced.iter().any(|(key, _)| self.holds(*key))
    }

    pub(super) fn take_unannounced(&mut self) -> Vec<(AttemptKey, Timestamp)> {
        let mut unannounced = std::mem::take(&mut self.unannounced);
        unannounced.retain(|(key, _)| self.holds(*key));
        unannounced
    }

    /// # Panics
    /// When it has ended before, or was never accepted.
    pub(super) fn ended(&mut self, key: AttemptKey) -> Ending {
        match self.states.get_mut(&key) {
            Some(state) if state.is_held() => {
                self.leased -= usize::from(state.is_leased());
                self.held -= 1;
                match std::mem::replace(state, State::Reported) {
                    State::Fenced => Ending::Fenced,
                    _ => Ending::ToReport,
                }
            }
            Some(State::Discarded) => {
                self.states.remove(&key);
                Ending::Forgotten
            }
            _ => panic!("{key:?} ends once, after it was accepted"),
        }
    }

    /// The coordinator knows of its end.
    pub(super) fn forget(&mut self, key: AttemptKey) {
        let before = self.states.remove(&key);
        assert_eq!(before, Some(State::Reported), "{key:?} was reported");
    }
}

impl State {
    fn is_held(&self) -> bool {
        matches!(self, Self::Held { .. } | Self::Fenced)
    }

    fn is_leased(&self) -> bool {
        matches!(
            self,
            Self::Held {
                on_disconnect: OnDisconnect::Stop,
                ..
            }
        )
    }
}
