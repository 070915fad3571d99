//! The ready tasks in an order whose keys change: made for one round, by looking at all that wait.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, binary_heap::PeekMut},
};

use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    round::Round,
    walk::{Candidate, Walk},
};
use crate::{
    Priority,
    cluster::{
        age::AGED,
        facts::facts,
        jobs::{JobSlot, TaskRef},
        node::NodeSlot,
        ready::{Entry, ShapeId, Standing},
    },
    policy::{Order, Policy},
};

/// What has not been returned yet, by keys that may have grown since.
pub(super) struct Ranked<'a> {
    policy: &'a dyn Policy,
    next: BinaryHeap<Reverse<(Entry, ShapeId)>>,
    /// Shapes that were passed over.
    closed: FxHashSet<ShapeId>,
    /// Of the best node, where the policy asks for it, as of so many proposals.
    node_scores: FxHashMap<Asking, u16>,
    scored_at: usize,
}

/// What a node's score depends on besides the nodes: shape, priority, and where the job ran last.
type Asking = (ShapeId, Priority, Option<NodeSlot>);

/// Tasks of which all this is equal have equal keys, but for those that have aged or are escalated.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Like {
    job: JobSlot,
    shape: ShapeId,
    estimate_ms: u64,
    upward_rank_ms: u64,
}

impl Ranked<'_> {
    /// Passes over the rest of a candidate's shape.
    pub(super) fn close(&mut self, candidate: &Candidate) {
        self.closed.insert(candidate.shape);
    }
}

impl<'a> Round<'a> {
    /// In the order of the policy.
    pub(super) fn walk(&mut self) -> Walk<'a> {
        let config = self.config;
        match config.policy.order() {
            Order::Fixed => Walk::in_order(self.ready),
            Order::Changing | Order::Scored => Walk::Ranked(self.ranked(&*config.policy)),
            Order::Window => self.windowed(),
        }
    }

    /// All that wait and have not started in this round, in another order.
    pub(super) fn ranked(&mut self, policy: &'a dyn Policy) -> Ranked<'a> {
        let mut ranked = Ranked {
            policy,
            next: BinaryHeap::new(),
            closed: FxHashSet::default(),
            node_scores: FxHashMap::default(),
            scored_at: self.taken.len(),
        };
        let ready = self.ready;
        let started: FxHashSet<TaskRef> =
            self.taken.iter().map(|taken| taken.holding.task).collect();
        let mut next = Vec::with_capacity(ready.len());
        // Instances of an array or gang follow each other, and have equal keys.
        let mut last: Option<(Like, i64)> = None;
        for (_, shape, entry) in ready.entries() {
            let is_open = ready.shape(shape).standing() != Standing::Impossible;
            if !is_open || started.contains(&entry.task) {
                continue;
            }
            let like = self.like(shape, entry);
            let entry = match last.filter(|(last, _)| *last == like && entry.key > AGED) {
                Some((_, key)) => Entry { key, ..*entry },
                None => self.rank(&mut ranked, shape, entry),
            };
            last = (entry.key > AGED).then_some((like, entry.key));
            next.push(Reverse((entry, shape)));
        }
        ranked.next = next.into();
        ranked
    }

    fn like(&self, shape: ShapeId, entry: &Entry) -> Like {
        let task = self.task(entry.task);
        Like {
            job: entry.task.job,
            shape,
            estimate_ms: task.estimate_ms,
            upward_rank_ms: task.upward_rank_ms,
        }
    }

    /// The first in order. What has started meanwhile may have moved it back.
    pub(super) fn next_ranked(&mut self, ranked: &mut Ranked<'a>) -> Option<Candidate> {
        loop {
            let first = ranked.next.peek_mut()?;
            let Reverse((entry, shape)) = *first;
            PeekMut::pop(first);
            if ranked.closed.contains(&shape) {
                continue;
            }
            let now = if self.may_have_moved(ranked, &entry) {
                self.rank(ranked, shape, &entry)
            } else {
                entry
            };
            if now <= entry {
                return Some(Candidate::ranked(entry, shape));
            }
            ranked.next.push(Reverse((now, shape)));
        }
    }

    /// Whether what has started in this round bears on its key.
    fn may_have_moved(&self, ranked: &Ranked<'_>, entry: &Entry) -> bool {
        match ranked.policy.order() {
            Order::Fixed | Order::Window => false,
            Order::Changing => self.gained.contains_key(&entry.task.job),
            Order::Scored => ranked.scored_at != self.taken.len(),
        }
    }

    fn rank(&mut self, ranked: &mut Ranked<'a>, shape: ShapeId, entry: &Entry) -> Entry {
        let job = entry.task.job;
        *self.considered = Some(job);
        let node_score = match ranked.policy.order() {
            Order::Scored => self.node_score(ranked, shape, entry),
            Order::Fixed | Order::Changing | Order::Window => 0,
        };
        let policy = ranked.policy;
        entry.ranked(policy, || {
            let mut facts = facts(self.jobs, self.ready, entry.task, self.now);
            let gained = self.gained.get(&job).copied().unwrap_or(0);
            facts.job.held_millis = facts.job.held_millis.saturating_add(gained);
            facts.node_score = node_score;
            facts
        })
    }

    fn node_score(&mut self, ranked: &mut Ranked<'a>, shape: ShapeId, entry: &Entry) -> u16 {
        if ranked.scored_at != self.taken.len() {
            ranked.scored_at = self.taken.len();
            ranked.node_scores.clear();
        }
        let job = self.jobs.get(entry.task.job);
        let asking = (shape, job.priority, job.near);
        if let Some(known) = ranked.node_scores.get(&asking) {
            return *known;
        }
        let candidate = Candidate::ranked(*entry, shape);
        let found = self.find(&candidate, self.ready.shape(shape), false);
        let score = found.map_or(0, |found| found.places[0].1.total);
        ranked.node_scores.insert(asking, score);
        score
    }
}
