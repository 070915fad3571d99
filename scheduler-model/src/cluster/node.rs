//! Hosts, their capacity and what holds it.

use std::{collections::BTreeSet, num::NonZeroU32, sync::Arc};

use super::{job::Job, jobs::TaskRef, lose::Leftover, nodes::KindId, quarantine::Losses};
use crate::{
    Admission, NodeAttributes, NodeName, NodeOverrides, NodeRow, NodeState, Resources, SessionId,
    Timestamp,
    score::{mean, share},
};

/// Place of a node in memory. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeSlot(NonZeroU32);

impl NodeSlot {
    pub(super) fn of(index: usize) -> Self {
        let number = u32::try_from(index + 1).expect("fewer than 2^32 nodes");
        Self(NonZeroU32::new(number).expect("one more than an index"))
    }

    pub(super) fn index(self) -> usize {
        self.0.get() as usize - 1
    }

    /// The same for those who count nodes from 0.
    pub(crate) fn place(self) -> u32 {
        self.0.get() - 1
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) name: NodeName,
    pub(crate) incarnation: u64,
    pub(crate) agent_version: Box<str>,
    pub(crate) capacity: Resources,
    /// As its agent says.
    pub(crate) given: NodeAttributes,
    pub(crate) overrides: NodeOverrides,
    /// What counts: `given` under `overrides`. Changed by [`super::nodes::Nodes::set_attributes`] only.
    pub(crate) attributes: NodeAttributes,
    /// Follows `attributes`.
    pub(crate) kind: KindId,
    pub(crate) admission: Admission,
    pub(crate) joined_at: Timestamp,
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
    used: Resources,
    /// Follows `capacity` and `used`.
    free: Resources,
    /// Follows `free`: looked at more often than that changes.
    room_permille: u16,
    /// What is being given up, bit by bit.
    pub(crate) leftover: Leftover,
    /// Attempts that hold resources, by when they are expected to give them back.
    pub(crate) held: BTreeSet<Holding>,
}

/// An attempt on a node, in the order in which attempts are expected to end; of those that end together older jobs first,
/// wherever they lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Holding {
    pub(crate) until: Timestamp,
    pub(crate) arrival: u64,
    pub(crate) task: TaskRef,
}

impl Holding {
    /// Of a task of the job, assigned at that time.
    pub(crate) fn of(job: &Job, at: TaskRef, assigned_at: Timestamp) -> Self {
        Self {
            until: job.tasks[at.task as usize].expected_end(assigned_at),
            arrival: job.arrival,
            task: at,
        }
    }
}

/// Whether its agent is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Connected(SessionId),
    Disconnected,
    Lost,
}

impl Node {
    pub(crate) fn new(row: NodeRow, link: Link, now: Timestamp) -> Self {
        let mut node = Self {
            name: row.name,
            incarnation: row.incarnation,
            agent_version: row.agent_version,
            free: Resources::ZERO,
            room_permille: 0,
            capacity: row.capacity,
            attributes: row.overrides.apply(&row.given),
            given: row.given,
            overrides: row.overrides,
            kind: KindId::default(),
            admission: row.admission,
            joined_at: row.joined_at,
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
        };
        node.follow_use();
        node
    }

    /// What of it is durable.
    pub(crate) fn row(&self) -> NodeRow {
        NodeRow {
            name: Arc::clone(&self.name),
            incarnation: self.incarnation,
            agent_version: self.agent_version.clone(),
            capacity: self.capacity.clone(),
            given: self.given.clone(),
            overrides: self.overrides.clone(),
            admission: self.admission,
            joined_at: self.joined_at,
        }
    }

    /// Nothing when the capacity shrank below what is held.
    pub(crate) fn free(&self) -> &Resources {
        &self.free
    }

    /// Mean share of cpu and memory that is free.
    pub(crate) fn room_permille(&self) -> u16 {
        self.room_permille
    }

    pub(crate) fn used(&self) -> &Resources {
        &self.used
    }

    pub(super) fn occupy(&mut self, demand: &Resources) {
        self.used.add(demand);
        self.follow_use();
    }

    pub(super) fn vacate(&mut self, demand: &Resources) {
        self.used.subtract(demand);
        self.follow_use();
    }

    pub(super) fn resize(&mut self, capacity: Resources) {
        self.capacity = capacity;
        self.follow_use();
    }

    fn follow_use(&mut self) {
        self.free.set_difference(&self.capacity, &self.used);
        self.room_permille = mean([
            share(self.free.cpu_millis, self.capacity.cpu_millis),
            share(self.free.memory_bytes, self.capacity.memory_bytes),
        ]);
    }

    /// A copy, for changing them one by one; in the order in which they are expected to end.
    pub(crate) fn held_tasks(&self) -> Vec<TaskRef> {
        self.held.iter().map(|held| held.task).collect()
    }

    pub(crate) fn state(&self) -> NodeState {
        match self.link {
            Link::Connected(_) if self.leaving => NodeState::Leaving,
            Link::Connected(_) if matches!(self.admission, Admission::Draining { .. }) => {
                NodeState::Draining
            }
            Link::Connected(_) if self.admission == Admission::Cordoned => NodeState::Cordoned,
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
        let gets_work =
            self.admission == Admission::Open && self.quarantined_until.is_none() && !self.leaving;
        self.session().filter(|_| gets_work)
    }

    pub(crate) fn is_eligible(&self) -> bool {
        self.eligible().is_some()
    }

    pub(super) fn free_if_eligible(&self) -> Option<u64> {
        self.is_eligible().then(|| self.free().cpu_millis)
    }
}
