//! A cluster with its commit cycle over a store in memory.
#![allow(dead_code, unreachable_pub, reason = "each test crate uses a part")]

pub mod learned;
pub mod policies;
pub mod store;

use bytes::Bytes;
use drover_model::{
    Action, AttemptKey, CallerId, Effects, Epoch, Event, Expected, Join, NewJob, Report,
    ReportBatch, Resources, SessionId, Timestamp, TurnNumber,
    cluster::{Cluster, Config},
    turn::{CommitOutcome, Turn, Verdict},
};
use store::MemoryStore;

/// Everything that runs in one process of a coordinator, with a clock that the test moves.
pub struct World {
    pub config: Config,
    pub cluster: Cluster,
    pub turn: Turn,
    pub store: MemoryStore,
    pub now: Timestamp,
    next_session: u64,
}

/// What one turn did, after its commit.
pub struct Turned {
    pub rows: drover_model::turn::SealedTurn,
    pub actions: Vec<Action>,
}

impl World {
    pub fn new(config: Config) -> Self {
        let store = MemoryStore::default();
        let now = Timestamp(1_000_000);
        let cluster = Cluster::load(config.clone(), store.snapshot(Epoch(1)), now);
        Self {
            config,
            cluster,
            turn: Turn::new(Epoch(1), TurnNumber(0)),
            store,
            now,
            next_session: 0,
        }
    }

    /// Steps events, dispatches, commits, performs; checks that memory and store agree afterwards.
    pub fn turn(&mut self, events: impl IntoIterator<Item = Event>) -> Turned {
        for event in events {
            self.cluster.step(self.now, event, self.turn.effects());
            self.cluster.assert_consistent();
        }
        while self.cluster.wants_dispatch() {
            let decision = self.cluster.decide(self.now);
            self.cluster
                .step(self.now, Event::Dispatch(decision), self.turn.effects());
            self.cluster.assert_consistent();
        }
        assert_eq!(
            self.cluster.counters().rejected_placements,
            0,
            "the policy proposes what is possible"
        );
        let rows = self.turn.seal(self.now);
        self.store.commit(&rows);
        match self.turn.committed_as(CommitOutcome::Done) {
            Verdict::Perform { actions, .. } => Turned {
                rows: (*rows).clone(),
                actions,
            },
            other => panic!("{other:?}"),
        }
    }

    /// A crash right after the last commit.
    pub fn reload(&mut self) {
        let epoch = Epoch(self.turn.epoch().0 + 1);
        self.cluster = Cluster::load(self.current_config(), self.store.snapshot(epoch), self.now);
        self.cluster.assert_consistent();
        self.turn = Turn::new(epoch, self.store.turn);
        // As a coordinator does: what is due fires first.
        if !self.config.careful {
            self.cluster
                .step(self.now, Event::Tick, self.turn.effects());
        }
    }

    /// With the policy that is in use.
    fn current_config(&self) -> Config {
        let mut config = self.config.clone();
        if let Some(version) = &self.store.policy {
            config.policy = policies::source(version).build().expect("a policy");
        }
        config
    }

    /// What a reload would give, as far as it is durable, against what memory has.
    pub fn assert_durable(&self) {
        let mut loaded = Cluster::load(
            self.current_config(),
            self.store.snapshot(Epoch(99)),
            self.now,
        );
        // In careful mode memory has timers left that are due.
        if !self.config.careful {
            loaded.step(self.now, Event::Tick, &mut Effects::default());
        }
        let mut expected = self.cluster.durable();
        for (id, job) in loaded.durable() {
            assert_eq!(
                Some(job),
                expected.remove(&id),
                "job {id}: loaded against memory"
            );
        }
        assert!(expected.is_empty(), "only in memory: {expected:?}");
    }

    pub fn next_session(&mut self) -> SessionId {
        self.next_session += 1;
        SessionId(self.next_session)
    }

    pub fn submit(&self, job: NewJob) -> Event {
        Event::Submit {
            caller: CallerId(1),
            jobs: vec![job],
            looked_up: TurnNumber(u64::MAX),
        }
    }
}

pub fn join(
    node: &str,
    incarnation: u64,
    capacity: Resources,
    running: Vec<AttemptKey>,
) -> Box<Join> {
    Box::new(Join {
        node: node.into(),
        incarnation,
        agent_version: "test".into(),
        capacity,
        attributes: drover_model::NodeAttributes::default(),
        running,
        reports: ReportBatch::default(),
    })
}

pub fn reports(session: SessionId, reports: Vec<Report>) -> Event {
    Event::Reports {
        session,
        batch: ReportBatch {
            sequence: 1,
            reports,
        },
    }
}

pub fn cpus(cpu: u64) -> Resources {
    Resources {
        cpu_millis: cpu * 1000,
        ..Resources::ZERO
    }
}

/// As a user says.
pub fn expected(estimate_ms: u64) -> Expected {
    Expected {
        stated_ms: Some(estimate_ms),
        default_ms: estimate_ms,
        signature: 1,
        wide_signature: 2,
    }
}

pub fn payload(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}
