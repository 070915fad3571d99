//! Hosts, their capacity and what holds it.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
    sync::Arc,
};

use rustc_hash::FxHashMap;

use super::{jobs::TaskRef, lose::Leftover, quarantine::Losses};
use crate::{Join, NodeName, NodeState, Resources, SessionId, Timestamp};

/// Place of a node in memory. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeSlot(NonZeroU32);

impl NodeSlot {
    const FIRST: Self = Self(NonZeroU32::MIN);

    fn of(index: usize) -> Self {
        let number = u32::try_from(index + 1).expect("fewer than 2^32 nodes");
        Self(NonZeroU32::new(number).expect("one more than an index"))
    }

    fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) name: NodeName,
    pub(crate) incarnation: u64,
    pub(crate) agent_version: Box<str>,
    pub(crate) capacity: Resources,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) link: Link,
    /// Its agent has been asked to end. Until the next join.
    pub(crate) leaving: bool,
    /// Has joined since the load.
    pub(crate) was_here: bool,
    /// A timer will judge its silence.
    pub(crate) watched: bool,
    /// Set while it gets nothing new because it was lost too often.
    pub(crate) quarantined_until: Option<Timestamp>,
    pub(crate) losses: Losses,
    pub(crate) last_heard: Timestamp,
    pub(crate) cpu_permille: u32,
    pub(crate) memory_permille: u32,
    /// Sum over `held`.
    pub(crate) used: Resources,
    /// What is being given up, bit by bit.
    pub(crate) leftover: Leftover,
    /// Attempts that hold resources, by when they are expected to give them back.
    pub(crate) held: BTreeSet<(Timestamp, TaskRef)>,
}

/// Whether its agent is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Connected(SessionId),
    Disconnected,
    Lost,
}

impl Node {
    pub(crate) fn new(join: &Join, link: Link, now: Timestamp) -> Self {
        Self {
            name: Arc::clone(&join.node),
            incarnation: join.incarnation,
            agent_version: join.agent_version.clone(),
            capacity: join.capacity,
            labels: join.labels.clone(),
            link,
            leaving: false,
            was_here: matches!(link, Link::Connected(_)),
            watched: false,
            quarantined_until: None,
            losses: Losses::default(),
            last_heard: now,
            cpu_permille: 0,
            memory_permille: 0,
            used: Resources::ZERO,
            leftover: Leftover::default(),
            held: BTreeSet::new(),
        }
    }

    /// Nothing when the capacity shrank below what is held.
    pub(crate) fn free(&self) -> Resources {
        self.capacity.saturating_sub(&self.used)
    }

    /// A copy, for changing them one by one; in the order in which they are expected to end.
    pub(crate) fn held_tasks(&self) -> Vec<TaskRef> {
        self.held.iter().map(|(_, task)| *task).collect()
    }

    pub(crate) fn state(&self) -> NodeState {
        match self.link {
            Link::Connected(_) if self.leaving => NodeState::Leaving,
            Link::Connected(_) if self.quarantined_until.is_some() => NodeState::Quarantined,
            Link::Connected(_) => NodeState::Ready,
            Link::Disconnected if self.leaving => NodeState::Left,
            Link::Disconnected => NodeState::Disconnected,
            Link::Lost => NodeState::Lost,
        }
    }

    /// Connected, and would get work but for its losses.
    pub(crate) fn is_quarantined(&self) -> bool {
        self.state() == NodeState::Quarantined
    }

    /// Its agent said that it leaves, has gone, and has left nothing there that could be lost.
    pub(crate) fn has_left_for_good(&self) -> bool {
        self.state() == NodeState::Left && self.held.is_empty()
    }

    pub(crate) fn session(&self) -> Option<SessionId> {
        match self.link {
            Link::Connected(session) => Some(session),
            Link::Disconnected | Link::Lost => None,
        }
    }
}

impl Node {
    /// The session over which new work may be sent.
    pub(crate) fn eligible(&self) -> Option<SessionId> {
        self.session()
            .filter(|_| self.quarantined_until.is_none() && !self.leaving)
    }

    pub(crate) fn is_eligible(&self) -> bool {
        self.eligible().is_some()
    }

    fn free_if_eligible(&self) -> Option<u64> {
        self.is_eligible().then(|| self.free().cpu_millis)
    }
}

/// All nodes that ever joined, with those that may get new work sorted by free cpu.
#[derive(Debug, Default)]
pub(crate) struct Nodes {
    slots: Vec<Node>,
    by_name: BTreeMap<NodeName, NodeSlot>,
    by_session: FxHashMap<SessionId, NodeSlot>,
    /// Eligible ones by (free cpu, slot).
    by_free: BTreeSet<(u64, NodeSlot)>,
}

impl Nodes {
    pub(crate) fn insert(&mut self, node: Node) -> NodeSlot {
        let slot = NodeSlot::of(self.slots.len());
        let old = self.by_name.insert(Arc::clone(&node.name), slot);
        assert!(old.is_none(), "node {} is known already", node.name);
        if let Link::Connected(session) = node.link {
            self.by_session.insert(session, slot);
        }
        if let Some(free) = node.free_if_eligible() {
            self.by_free.insert((free, slot));
        }
        self.slots.push(node);
        slot
    }

    pub(crate) fn find(&self, name: &str) -> Option<NodeSlot> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn of_session(&self, session: SessionId) -> Option<NodeSlot> {
        self.by_session.get(&session).copied()
    }

    pub(crate) fn get(&self, slot: NodeSlot) -> &Node {
        &self.slots[slot.index()]
    }

    /// Changes a node and keeps the indices right.
    pub(crate) fn update<T>(&mut self, slot: NodeSlot, change: impl FnOnce(&mut Node) -> T) -> T {
        let node = &mut self.slots[slot.index()];
        let (session, before) = (node.session(), node.free_if_eligible());
        let result = change(node);
        let (session_after, after) = (node.session(), node.free_if_eligible());
        if session != session_after {
            if let Some(session) = session {
                self.by_session.remove(&session);
            }
            if let Some(session) = session_after {
                self.by_session.insert(session, slot);
            }
        }
        if before != after {
            if let Some(free) = before {
                self.by_free.remove(&(free, slot));
            }
            if let Some(free) = after {
                self.by_free.insert((free, slot));
            }
        }
        result
    }

    /// Eligible ones with at least `cpu_millis` free, the emptiest first.
    pub(crate) fn with_free_cpu(&self, cpu_millis: u64) -> impl Iterator<Item = NodeSlot> {
        self.by_free
            .range((cpu_millis, NodeSlot::FIRST)..)
            .rev()
            .map(|(_, slot)| *slot)
    }

    /// Those that may get new work.
    pub(crate) fn eligible(&self) -> impl Iterator<Item = (NodeSlot, &Node)> {
        self.iter().filter(|(_, node)| node.is_eligible())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (NodeSlot, &Node)> {
        self.slots
            .iter()
            .enumerate()
            .map(|(slot, node)| (NodeSlot::of(slot), node))
    }

    /// In order of names.
    pub(crate) fn by_name(&self) -> impl Iterator<Item = &Node> {
        self.by_name.values().map(|slot| self.get(*slot))
    }
}
