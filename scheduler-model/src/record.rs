//! A leadership written down: what went into the model, and a digest of what came out.
//!
//! A record is a file of lines, one JSON value each. A leadership begins with [`Line::Load`]; then come its events in the
//! order in which they were stepped, and a [`Line::Sealed`] wherever a turn was sealed. Stepping the same events through
//! [`crate::cluster::Cluster`] and sealing at the same places gives the same digests. On a machine of another kind answers
//! about places in the order may differ where a policy's keys are made with logarithms, which are not the same everywhere to
//! the last bit. A leadership that
//! was killed ends anywhere, also within a line; one that panicked ends with the event that it panicked on.

use std::{borrow::Cow, fmt, io, sync::Arc};

use bytes::Bytes;

use crate::{
    Event, Snapshot, Timestamp, TurnNumber, Weights,
    cluster::{Config, Quarantine},
    dispatch::Mode,
    policy::{self, BuildPolicyError, PolicySource},
    turn::{SealedTurn, Turn},
};

/// One line of a record.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub enum Line<'a> {
    /// A leadership begins with what the store holds.
    Load {
        now: Timestamp,
        settings: Settings,
        snapshot: Cow<'a, Snapshot>,
    },
    Event {
        now: Timestamp,
        event: Cow<'a, Event>,
    },
    /// Everything stepped since the line of this kind before belongs to this turn.
    Sealed {
        turn: TurnNumber,
        now: Timestamp,
        digest: Digest,
    },
}

/// [`Config`], with the policy by name.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Settings {
    pub policy: Arc<str>,
    /// Of the network, if it is one.
    pub policy_weights: Option<Bytes>,
    pub mode: Mode,
    pub backfill: Option<Box<str>>,
    pub held_per_round: usize,
    pub weights: Weights,
    pub node_timeout_ms: u64,
    pub quarantine: Quarantine,
    pub age_cap_ms: u64,
    pub refuse_impossible: bool,
    pub careful: bool,
}

impl Settings {
    pub fn of(config: &Config) -> Self {
        Self {
            policy: config.policy.name().into(),
            policy_weights: config.policy_weights.clone(),
            mode: config.mode,
            backfill: config.backfill.as_ref().map(|order| order.name().into()),
            held_per_round: config.held_per_round,
            weights: config.weights,
            node_timeout_ms: config.node_timeout_ms,
            quarantine: config.quarantine,
            age_cap_ms: config.age_cap_ms,
            refuse_impossible: config.refuse_impossible,
            careful: config.careful,
        }
    }

    /// # Errors
    /// When this build has no such policy.
    pub fn config(&self) -> Result<Config, BuildPolicyError> {
        let backfill = self.backfill.as_ref();
        let source = PolicySource {
            version: Arc::clone(&self.policy),
            weights: self.policy_weights.clone(),
        };
        Ok(Config {
            policy: source.build()?,
            policy_weights: source.weights,
            mode: self.mode,
            backfill: backfill.map(|name| policy::find(name)).transpose()?,
            held_per_round: self.held_per_round,
            weights: self.weights,
            node_timeout_ms: self.node_timeout_ms,
            quarantine: self.quarantine,
            age_cap_ms: self.age_cap_ms,
            refuse_impossible: self.refuse_impossible,
            careful: self.careful,
            // What is replayed is compared with what was written.
            records: true,
        })
    }
}

/// Seals the open turn, and says what its replay has to give.
///
/// # Panics
/// When another turn is in flight.
pub fn seal(turn: &mut Turn, now: Timestamp) -> (Arc<SealedTurn>, Digest) {
    let mut digest = Digest::default();
    let open = turn.effects();
    digest.feed(&(&open.actions, &open.transitions));
    let sealed = turn.seal(now);
    digest.feed(&(
        &sealed.jobs,
        &sealed.attempts,
        &sealed.nodes,
        &sealed.queues,
        &sealed.policy_events,
        &sealed.estimates,
    ));
    (sealed, digest)
}

/// FNV-1a, 64 bits, of values as JSON (G. Fowler, L. C. Noll, K.-P. Vo, "The FNV Non-Cryptographic Hash Algorithm").
#[derive(Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Digest(pub u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    fn feed(&mut self, value: &impl serde::Serialize) {
        serde_json::to_writer(self, value).expect("effects have no keys that JSON cannot hold");
    }
}

impl io::Write for Digest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::{CallerId, Epoch, Question, cluster::Cluster};

    #[test]
    fn the_digest_is_the_published_function() {
        let mut digest = Digest::default();
        digest.write_all(b"foobar").unwrap();
        assert_eq!(digest.0, 0x8594_4171_f739_67e8);
    }

    #[test]
    fn lines_survive_and_give_the_same_digest() {
        let config = Config::default();
        let ask = Event::Ask {
            caller: CallerId(3),
            question: Question::Policy,
        };
        let line = Line::Event {
            now: Timestamp(5),
            event: Cow::Borrowed(&ask),
        };
        let text = serde_json::to_string(&line).unwrap();
        let Line::Event { now, event } = serde_json::from_str(&text).unwrap() else {
            panic!("{text}");
        };
        assert_eq!((now, &*event), (Timestamp(5), &ask));
        let settings = serde_json::to_string(&Settings::of(&config)).unwrap();
        let settings: Settings = serde_json::from_str(&settings).unwrap();
        let digest = |event: &Event, config: Config| {
            let mut cluster = Cluster::load(config, Snapshot::default(), Timestamp(1));
            let mut turn = Turn::new(Epoch(1), TurnNumber(0));
            cluster.step(now, event.clone(), turn.effects());
            seal(&mut turn, now).1
        };
        let again = digest(&event, settings.config().unwrap());
        assert_eq!(again, digest(&ask, config.clone()));
        let other = Event::Ask {
            caller: CallerId(4),
            question: Question::Policy,
        };
        assert_ne!(again, digest(&other, config));
    }
}
