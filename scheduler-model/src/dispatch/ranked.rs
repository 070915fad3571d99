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
    cluster::{
        age::AGED,
        facts::facts,
        jobs::TaskRef,
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
    /// Of the best node for each shape, where the policy asks for it.
    node_scores: FxHashMap<ShapeId, u16>,
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
        }
    }

    /// All that wait and have not started in this round, in another order.
    pub(super) fn ranked(&mut self, policy: &'a dyn Policy) -> Ranked<'a> {
        let mut ranked = Ranked {
            policy,
            next: BinaryHeap::new(),
            closed: FxHashSet::default(),
            node_scores: FxHashMap::default(),
        };
        let ready = self.ready;
        let started: FxHashSet<TaskRef> =
            self.taken.iter().map(|taken| taken.holding.task).collect();
        let mut next = Vec::with_capacity(ready.len());
        for (_, shape, entry) in ready.entries() {
            let is_open = ready.shape(shape).standing() != Standing::Impossible;
            if is_open && !started.contains(&entry.task) {
                let key = self.rank(&mut ranked, shape, entry);
                next.push(Reverse((Entry { key, ..*entry }, shape)));
            }
        }
        ranked.next = next.into();
        ranked
    }

    /// The first in order. What has started meanwhile may have moved it back.
    pub(super) fn next_ranked(&mut self, ranked: &mut Ranked<'a>) -> Option<Candidate> {
        loop {
            let Reverse((entry, shape)) = *ranked.next.peek()?;
            let key = self.rank(ranked, shape, &entry);
            let mut first = ranked.next.peek_mut()?;
            if key > entry.key {
                *first = Reverse((Entry { key, ..entry }, shape));
                continue;
            }
            PeekMut::pop(first);
            if !ranked.closed.contains(&shape) {
                return Some(Candidate::ranked(entry, shape));
            }
        }
    }

    fn rank(&mut self, ranked: &mut Ranked<'a>, shape: ShapeId, entry: &Entry) -> i64 {
        // Escalated or old: before all others in every order.
        if entry.key <= AGED {
            return entry.key;
        }
        *self.considered = Some(entry.task.job);
        let mut facts = facts(self.jobs, self.ready, entry.task, self.now);
        facts.job.held_millis += self.gained.get(&entry.task.job).copied().unwrap_or(0);
        if ranked.policy.order() == Order::Scored {
            facts.node_score = self.node_score(ranked, shape, entry);
        }
        ranked.policy.key(&facts).max(AGED + 1)
    }

    fn node_score(&mut self, ranked: &mut Ranked<'a>, shape: ShapeId, entry: &Entry) -> u16 {
        if let Some(known) = ranked.node_scores.get(&shape) {
            return *known;
        }
        let candidate = Candidate::ranked(*entry, shape);
        let found = self.find(&candidate, self.ready.shape(shape), false);
        let score = found.map_or(0, |found| found.places[0].1.total);
        ranked.node_scores.insert(shape, score);
        score
    }
}
