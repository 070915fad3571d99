//! All nodes, and indices over them.

use std::{collections::BTreeMap, sync::Arc};

use rustc_hash::FxHashMap;

use super::{
    by_free::ByFree,
    node::{Holding, Link, Node, NodeSlot},
};
use crate::{NodeAttributes, NodeName, Resources, SessionId};

/// Nodes with equal attributes, their addresses aside: what speaks for and against one of them speaks for and against all.
#[derive(Debug)]
pub(crate) struct NodeKind {
    pub(crate) attributes: NodeAttributes,
    /// Eligible ones by (free cpu, slot).
    by_free: ByFree,
    members: u32,
}

/// Sums over nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Room {
    /// Widths ([`Resources::width_millis`]) of what there is, and of what is free.
    pub(crate) total_millis: u64,
    pub(crate) free_millis: u64,
    pub(crate) cpu_millis: u64,
    pub(crate) memory_bytes: u64,
    pub(crate) gpus: u64,
}

impl Room {
    /// The largest share of a resource that is asked for, in millionths.
    pub(crate) fn dominant_ppm(&self, demand: &Resources) -> u32 {
        let share = |asked: u64, all: u64| {
            let ppm = u128::from(asked) * 1_000_000 / u128::from(all.max(1));
            ppm.min(1_000_000) as u32
        };
        share(demand.cpu_millis, self.cpu_millis)
            .max(share(demand.memory_bytes, self.memory_bytes))
            .max(share(demand.gpus.into(), self.gpus))
    }
}

/// Place of a kind in memory. Reused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct KindId(u32);

/// All nodes that ever joined, with those that may get new work sorted by kind and free cpu.
#[derive(Debug, Default)]
pub(crate) struct Nodes {
    slots: Vec<Node>,
    by_name: BTreeMap<NodeName, NodeSlot>,
    by_session: FxHashMap<SessionId, NodeSlot>,
    kinds: Vec<NodeKind>,
    free_kinds: Vec<KindId>,
    by_attributes: BTreeMap<NodeAttributes, KindId>,
    /// Of the set of kinds with an eligible node: grows with each change of it.
    version: u64,
}

impl Nodes {
    pub(crate) fn insert(&mut self, mut node: Node) -> NodeSlot {
        let slot = NodeSlot::of(self.slots.len());
        let old = self.by_name.insert(Arc::clone(&node.name), slot);
        assert!(old.is_none(), "node {} is known already", node.name);
        if let Link::Connected(session) = node.link {
            self.by_session.insert(session, slot);
        }
        node.kind = self.use_kind(&node.attributes);
        if let Some(free) = node.free_if_eligible() {
            self.list(node.kind, free, slot);
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
        let kind = node.kind;
        if session != session_after {
            if let Some(session) = session {
                self.by_session.remove(&session);
            }
            if let Some(session) = session_after {
                self.by_session.insert(session, slot);
            }
        }
        match (before, after) {
            (Some(before), Some(after)) if before != after => {
                let by_free = &mut self.kinds[kind.0 as usize].by_free;
                by_free.change(before, after, slot);
            }
            (Some(before), None) => self.unlist(kind, before, slot),
            (None, Some(after)) => self.list(kind, after, slot),
            _ => {}
        }
        result
    }

    /// A task has what it needs of a node, and is expected to give it back.
    pub(crate) fn occupy(&mut self, slot: NodeSlot, holding: Holding, demand: &Resources) {
        self.take(slot, demand);
        self.note_held(slot, holding);
    }

    /// Takes that back.
    ///
    /// # Panics
    /// When it has nothing.
    pub(crate) fn vacate(&mut self, slot: NodeSlot, holding: Holding, demand: &Resources) {
        self.give_back(slot, demand);
        self.forget_held(slot, holding);
    }

    /// The same for a time in which nobody asks what a node holds.
    pub(crate) fn take(&mut self, slot: NodeSlot, demand: &Resources) {
        let node = &mut self.slots[slot.index()];
        let before = node.free().cpu_millis;
        node.occupy(demand);
        self.relist(slot, before);
    }

    pub(crate) fn give_back(&mut self, slot: NodeSlot, demand: &Resources) {
        let node = &mut self.slots[slot.index()];
        let before = node.free().cpu_millis;
        node.vacate(demand);
        self.relist(slot, before);
    }

    pub(crate) fn note_held(&mut self, slot: NodeSlot, holding: Holding) {
        self.slots[slot.index()].held.insert(holding);
    }

    pub(crate) fn forget_held(&mut self, slot: NodeSlot, holding: Holding) {
        let was_held = self.slots[slot.index()].held.remove(&holding);
        assert!(was_held, "the node knows what it holds");
    }

    /// Free cpu has changed.
    fn relist(&mut self, slot: NodeSlot, before: u64) {
        let node = &self.slots[slot.index()];
        let after = node.free().cpu_millis;
        if before != after && node.is_eligible() {
            let by_free = &mut self.kinds[node.kind.0 as usize].by_free;
            by_free.change(before, after, slot);
        }
    }

    /// Gives a node other attributes.
    pub(crate) fn set_attributes(&mut self, slot: NodeSlot, attributes: NodeAttributes) {
        let node = self.get(slot);
        if node.attributes == attributes {
            return;
        }
        let (old, free) = (node.kind, node.free_if_eligible());
        if let Some(free) = free {
            self.unlist(old, free, slot);
        }
        self.release_kind(old);
        let kind = self.use_kind(&attributes);
        if let Some(free) = free {
            self.list(kind, free, slot);
        }
        let node = &mut self.slots[slot.index()];
        node.attributes = attributes;
        node.kind = kind;
    }

    /// See [`Nodes::version`].
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Kinds of which a node may get new work.
    pub(crate) fn eligible_kinds(&self) -> impl Iterator<Item = (KindId, &NodeKind)> {
        let kinds = (0..).map(KindId).zip(&self.kinds);
        kinds.filter(|(_, kind)| !kind.by_free.is_empty())
    }

    pub(crate) fn region(&self, kind: KindId) -> Option<&Arc<str>> {
        self.kinds[kind.0 as usize].attributes.region.as_ref()
    }

    /// Eligible ones of a kind with at least `cpu_millis` free, the emptiest first.
    pub(crate) fn with_free_cpu(
        &self,
        kind: KindId,
        cpu_millis: u64,
    ) -> impl Iterator<Item = NodeSlot> {
        self.kinds[kind.0 as usize].by_free.at_least(cpu_millis)
    }

    /// What those that may get new work have in all, and have free.
    pub(crate) fn room(&self) -> Room {
        let mut room = Room::default();
        for (_, node) in self.eligible() {
            room.total_millis += node.capacity.width_millis();
            room.free_millis += node.free().width_millis();
            room.cpu_millis += node.capacity.cpu_millis;
            room.memory_bytes += node.capacity.memory_bytes;
            room.gpus += u64::from(node.capacity.gpus);
        }
        room
    }

    /// Share of nodes that are not of the most frequent kind.
    pub(crate) fn unlike_share(&self) -> f32 {
        let members = self.kinds.iter().map(|kind| kind.members);
        let most = members.clone().max().unwrap_or(0);
        let all: u32 = members.sum();
        1.0 - most as f32 / all.max(1) as f32
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
    pub(crate) fn by_name(&self) -> impl Iterator<Item = NodeSlot> {
        self.by_name.values().copied()
    }

    fn list(&mut self, kind: KindId, free: u64, slot: NodeSlot) {
        let by_free = &mut self.kinds[kind.0 as usize].by_free;
        self.version += u64::from(by_free.is_empty());
        by_free.insert(free, slot);
    }

    fn unlist(&mut self, kind: KindId, free: u64, slot: NodeSlot) {
        let by_free = &mut self.kinds[kind.0 as usize].by_free;
        by_free.remove(free, slot);
        self.version += u64::from(by_free.is_empty());
    }

    fn use_kind(&mut self, attributes: &NodeAttributes) -> KindId {
        // Each node has its own address, and none is better for it.
        let attributes = &NodeAttributes {
            address: Arc::default(),
            ..attributes.clone()
        };
        if let Some(kind) = self.by_attributes.get(attributes) {
            self.kinds[kind.0 as usize].members += 1;
            return *kind;
        }
        let new = NodeKind {
            attributes: attributes.clone(),
            by_free: ByFree::default(),
            members: 1,
        };
        let kind = if let Some(kind) = self.free_kinds.pop() {
            self.kinds[kind.0 as usize] = new;
            kind
        } else {
            self.kinds.push(new);
            KindId(u32::try_from(self.kinds.len() - 1).expect("fewer than 2^32 kinds"))
        };
        self.by_attributes.insert(attributes.clone(), kind);
        kind
    }

    fn release_kind(&mut self, kind: KindId) {
        let released = &mut self.kinds[kind.0 as usize];
        released.members -= 1;
        if released.members == 0 {
            assert!(
                released.by_free.is_empty(),
                "no node of an unused kind is listed"
            );
            self.by_attributes.remove(&released.attributes);
            self.free_kinds.push(kind);
        }
    }
}
