//! The ready tasks, in the order of the policy, without looking at more than is asked for.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, binary_heap::PeekMut, btree_set},
};

use smallvec::SmallVec;

use super::{ranked::Ranked, windowed::Windowed};
use crate::cluster::ready::{Entry, Ready, ShapeId};

/// Where a round takes its candidates from.
pub(super) enum Walk<'a> {
    InOrder(InOrder<'a>),
    Ranked(Ranked<'a>),
    Windowed(Windowed<'a>),
}

impl<'a> Walk<'a> {
    /// As the index keeps them.
    pub(super) fn in_order(ready: &'a Ready) -> Self {
        Self::InOrder(InOrder::new(ready))
    }

    /// False where tasks were left out that nobody has judged.
    pub(super) fn has_shown_all(&self) -> bool {
        match self {
            Self::InOrder(_) | Self::Ranked(_) => true,
            Self::Windowed(windowed) => windowed.shows_all(),
        }
    }

    /// Says what became of a candidate: whether those behind it, of the same queue and shape, are wanted.
    pub(super) fn judged(&mut self, candidate: &Candidate, goes_on: bool) {
        match self {
            Self::InOrder(walk) if goes_on => walk.go_on(candidate),
            Self::Ranked(walk) if !goes_on => walk.close(candidate),
            _ => {}
        }
    }
}

/// A merge of the queues' heads and of the lists whose head has been taken.
pub(super) struct InOrder<'a> {
    ready: &'a Ready,
    /// The next of every source that has one.
    next: BinaryHeap<Reverse<Next>>,
    sources: SmallVec<[Source<'a>; 2]>,
}

/// A task that comes next.
pub(super) struct Candidate {
    pub(super) entry: Entry,
    pub(super) shape: ShapeId,
    /// Where it came from.
    source: u32,
}

impl Candidate {
    /// From an order in which all tasks stand by themselves.
    pub(super) fn ranked(entry: Entry, shape: ShapeId) -> Self {
        Self {
            entry,
            shape,
            source: 0,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Next {
    entry: Entry,
    shape: ShapeId,
    source: u32,
}

struct Source<'a> {
    queue: u32,
    rest: Rest<'a>,
}

enum Rest<'a> {
    /// Heads of the queue's shapes.
    Heads(btree_set::Iter<'a, (Entry, ShapeId)>),
    /// One shape of the queue.
    List(btree_set::Iter<'a, Entry>),
}

impl<'a> InOrder<'a> {
    pub(super) fn new(ready: &'a Ready) -> Self {
        let mut walk = Self {
            ready,
            next: BinaryHeap::new(),
            sources: SmallVec::new(),
        };
        for (queue, content) in ready.queues() {
            let mut heads = content.heads();
            if let Some((entry, shape)) = heads.next() {
                walk.open(queue, Rest::Heads(heads), *entry, *shape);
            }
        }
        walk
    }

    /// The first in order that was not returned yet, among heads and what [`InOrder::go_on`] has opened.
    pub(super) fn next(&mut self) -> Option<Candidate> {
        let mut first = self.next.peek_mut()?;
        let Next {
            entry,
            shape,
            source,
        } = first.0;
        let following = match &mut self.sources[source as usize].rest {
            Rest::Heads(heads) => heads.next(),
            // What follows in a list is wanted only if this one starts.
            Rest::List(_) => None,
        };
        match following {
            Some((entry, shape)) => {
                *first = Reverse(Next {
                    entry: *entry,
                    shape: *shape,
                    source,
                });
            }
            None => drop(PeekMut::pop(first)),
        }
        Some(Candidate {
            entry,
            shape,
            source,
        })
    }

    /// Goes on with the tasks behind a candidate of the same queue and shape. Without this they are passed over.
    fn go_on(&mut self, candidate: &Candidate) {
        let Candidate { shape, source, .. } = *candidate;
        let from = &mut self.sources[source as usize];
        if let Rest::List(list) = &mut from.rest {
            if let Some(entry) = list.next() {
                let entry = *entry;
                self.next.push(Reverse(Next {
                    entry,
                    shape,
                    source,
                }));
            }
            return;
        }
        let queue = from.queue;
        let mut list = self.ready.queue(queue).list(shape);
        // The candidate itself.
        list.next();
        if let Some(entry) = list.next() {
            self.open(queue, Rest::List(list), *entry, shape);
        }
    }

    fn open(&mut self, queue: u32, rest: Rest<'a>, entry: Entry, shape: ShapeId) {
        let source = self.sources.len() as u32;
        self.sources.push(Source { queue, rest });
        self.next.push(Reverse(Next {
            entry,
            shape,
            source,
        }));
    }
}
