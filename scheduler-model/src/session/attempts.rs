//! What the agent knows of attempts.

use std::collections::BTreeMap;

use crate::{AttemptKey, Timestamp};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Accepted; its process may run.
    Held,
    /// Being killed; nobody waits for its end.
    Discarded,
    /// Its end stands in the outbox.
    Reported,
}

/// What becomes of the news that an attempt has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    ToReport,
    Forgotten,
}

#[derive(Debug, Default)]
pub(super) struct Attempts {
    states: BTreeMap<AttemptKey, State>,
    held: usize,
    /// Started since the last report; those that have ended meanwhile are skipped when it is made.
    unannounced: Vec<(AttemptKey, Timestamp)>,
}

impl Attempts {
    pub(super) fn knows(&self, key: AttemptKey) -> bool {
        self.states.contains_key(&key)
    }

    pub(super) fn holds(&self, key: AttemptKey) -> bool {
        self.states.get(&key) == Some(&State::Held)
    }

    pub(super) fn holds_any(&self) -> bool {
        self.held > 0
    }

    /// In ascending order.
    pub(super) fn held(&self) -> Vec<AttemptKey> {
        self.states
            .iter()
            .filter(|(_, state)| **state == State::Held)
            .map(|(key, _)| *key)
            .collect()
    }

    pub(super) fn accept(&mut self, key: AttemptKey) {
        let before = self.states.insert(key, State::Held);
        assert_eq!(before, None, "{key:?} is accepted once");
        self.held += 1;
    }

    /// Its end is reported without its having been held.
    pub(super) fn remember(&mut self, key: AttemptKey) {
        let before = self.states.insert(key, State::Reported);
        assert_eq!(before, None, "{key:?} was not known");
    }

    /// True when there is something to kill.
    pub(super) fn discard(&mut self, key: AttemptKey) -> bool {
        match self.states.get_mut(&key) {
            Some(state @ State::Held) => {
                *state = State::Discarded;
                self.held -= 1;
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
        let state = self.states.get_mut(&key);
        match state {
            Some(state @ State::Held) => {
                *state = State::Reported;
                self.held -= 1;
                Ending::ToReport
            }
            Some(State::Discarded) => {
                self.states.remove(&key);
                Ending::Forgotten
            }
            Some(State::Reported) | None => panic!("{key:?} ends once, after it was accepted"),
        }
    }

    /// The coordinator knows of its end.
    pub(super) fn forget(&mut self, key: AttemptKey) {
        let before = self.states.remove(&key);
        assert_eq!(before, Some(State::Reported), "{key:?} was reported");
    }
}
