//! The ready tasks in an order whose keys change: made for one round, by looking at all that wait. Of instances of an array
//! or gang one is looked at, and the next when that has been returned.

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
        facts::facts,
        jobs::TaskRef,
        node::NodeSlot,
        ready::{Entry, ShapeId, Standing},
    },
    policy::{Order, Policy},
};

/// What has not been returned yet, by keys that may have grown since.
pub(super) struct Ranked<'a> {
    policy: &'a dyn Policy,
    /// Of instances of an array or gang the first: they follow each other in the index, and have equal keys.
    next: BinaryHeap<Reverse<Ranking>>,
    /// In this round, before all this was ranked.
    started: FxHashSet<TaskRef>,
    /// Shapes that were passed over.
    closed: FxHashSet<ShapeId>,
    /// Of the best node, where the policy asks for it, as of so many proposals.
    node_scores: FxHashMap<Asking, u16>,
    scored_at: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Ranking {
    entry: Entry,
    shape: ShapeId,
    /// As of so many proposals.
    as_of: u32,
}

/// What a node's score depends on besides the nodes: shape, priority, and where the job ran last.
type Asking = (ShapeId, Priority, Option<NodeSlot>);

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
            started: self.taken.iter().map(|taken| taken.holding.task).collect(),
            closed: FxHashSet::default(),
            node_scores: FxHashMap::default(),
            scored_at: self.taken.len(),
        };
        let (ready, jobs) = (self.ready, self.jobs);
        let mut next = Vec::new();
        for (shape, entry) in ready.runs(|task| jobs.last_alike(task)) {
            if ready.shape(shape).standing() == Standing::Impossible {
                continue;
            }
            if let Some(entry) = self.first_waiting(&ranked, shape, entry) {
                next.push(Reverse(self.rank(&mut ranked, shape, &entry)));
            }
        }
        ranked.next = next.into();
        ranked
    }

    /// The first from an entry of the index on, of those like it, that had not started before.
    fn first_waiting(
        &self,
        ranked: &Ranked<'_>,
        shape: ShapeId,
        mut entry: Entry,
    ) -> Option<Entry> {
        while ranked.started.contains(&entry.task) {
            entry = self.follower(shape, entry.task)?;
        }
        Some(entry)
    }

    /// The next in the index that is like a task.
    fn follower(&self, shape: ShapeId, at: TaskRef) -> Option<Entry> {
        let last = self.jobs.last_alike(at);
        if last == at.task {
            return None;
        }
        let entry = self.jobs.entry(at).expect("it waits");
        let queue = self.jobs.get(at.job).queue;
        self.ready.follower(queue, shape, &entry, last)
    }

    /// The first in order. What has started meanwhile may have moved it back.
    pub(super) fn next_ranked(&mut self, ranked: &mut Ranked<'a>) -> Option<Candidate> {
        loop {
            let first = ranked.next.peek_mut()?;
            let Reverse(first) = PeekMut::pop(first);
            let Ranking { entry, shape, .. } = first;
            if ranked.closed.contains(&shape) {
                continue;
            }
            let now = if self.may_have_moved(ranked, &first) {
                self.rank(ranked, shape, &entry)
            } else {
                first
            };
            if now.entry > entry {
                ranked.next.push(Reverse(now));
                continue;
            }
            let next = self.next_like(ranked, &now);
            ranked.next.extend(next.map(Reverse));
            return Some(Candidate::ranked(entry, shape));
        }
    }

    /// The next that is like one, at a key that may have grown since.
    fn next_like(&self, ranked: &Ranked<'_>, one: &Ranking) -> Option<Ranking> {
        let next = self.follower(one.shape, one.entry.task)?;
        let task = self.first_waiting(ranked, one.shape, next)?.task;
        let entry = Entry { task, ..one.entry };
        Some(Ranking { entry, ..*one })
    }

    /// Whether what has started in this round since bears on its key.
    fn may_have_moved(&self, ranked: &Ranked<'_>, one: &Ranking) -> bool {
        match ranked.policy.order() {
            Order::Fixed | Order::Window => false,
            Order::Changing => self.gained.contains_key(&one.entry.task.job),
            Order::Scored => one.as_of as usize != self.taken.len(),
        }
    }

    fn rank(&mut self, ranked: &mut Ranked<'a>, shape: ShapeId, entry: &Entry) -> Ranking {
        let job = entry.task.job;
        *self.considered = Some(job);
        let node_score = match ranked.policy.order() {
            Order::Scored => self.node_score(ranked, shape, entry),
            Order::Fixed | Order::Changing | Order::Window => 0,
        };
        let policy = ranked.policy;
        let entry = entry.ranked(policy, || {
            let mut facts = facts(self.jobs, self.ready, entry.task, self.now);
            let gained = self.gained.get(&job).copied().unwrap_or(0);
            facts.job.held_millis = facts.job.held_millis.saturating_add(gained);
            facts.node_score = node_score;
            facts
        });
        Ranking {
            entry,
            shape,
            as_of: self.taken.len() as u32,
        }
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
