//! The ready tasks, in the order of the policy, without looking at more than is asked for.

use std::{cmp::Reverse, collections::BinaryHeap, collections::btree_set};

use crate::cluster::ready::{Entry, Ready, ShapeId};

/// A merge of the queues' heads and of the lists whose head has been taken.
pub(super) struct Walk<'a> {
    ready: &'a Ready,
    cursors: BinaryHeap<Reverse<Cursor<'a>>>,
}

/// A task that comes next.
pub(super) struct Candidate<'a> {
    pub(super) entry: Entry,
    pub(super) shape: ShapeId,
    queue: u32,
    /// What follows it in its list, unless it is a head whose list was not opened yet.
    list: Option<btree_set::Iter<'a, Entry>>,
}

struct Cursor<'a> {
    entry: Entry,
    shape: ShapeId,
    queue: u32,
    rest: Rest<'a>,
}

enum Rest<'a> {
    /// Heads of the queue's shapes.
    Heads(btree_set::Iter<'a, (Entry, ShapeId)>),
    /// One shape of the queue.
    List(btree_set::Iter<'a, Entry>),
}

impl<'a> Walk<'a> {
    pub(super) fn new(ready: &'a Ready) -> Self {
        let mut walk = Self {
            ready,
            cursors: BinaryHeap::new(),
        };
        for (queue, content) in ready.queues() {
            walk.push_heads(queue, content.heads());
        }
        walk
    }

    /// The first in order that was not returned yet, among heads and what [`Walk::go_on`] has opened.
    pub(super) fn next(&mut self) -> Option<Candidate<'a>> {
        let Reverse(cursor) = self.cursors.pop()?;
        let Cursor {
            entry,
            shape,
            queue,
            rest,
        } = cursor;
        let list = match rest {
            Rest::Heads(heads) => {
                self.push_heads(queue, heads);
                None
            }
            Rest::List(list) => Some(list),
        };
        Some(Candidate {
            entry,
            shape,
            queue,
            list,
        })
    }

    /// Goes on with the tasks behind a candidate of the same queue and shape. Without this they are passed over.
    pub(super) fn go_on(&mut self, candidate: Candidate<'a>) {
        let Candidate {
            shape, queue, list, ..
        } = candidate;
        let list = list.unwrap_or_else(|| {
            let mut list = self.ready.queue(queue).list(shape);
            list.next();
            list
        });
        self.push_list(queue, shape, list);
    }

    fn push_heads(&mut self, queue: u32, mut heads: btree_set::Iter<'a, (Entry, ShapeId)>) {
        if let Some((entry, shape)) = heads.next() {
            self.cursors.push(Reverse(Cursor {
                entry: *entry,
                shape: *shape,
                queue,
                rest: Rest::Heads(heads),
            }));
        }
    }

    fn push_list(&mut self, queue: u32, shape: ShapeId, mut list: btree_set::Iter<'a, Entry>) {
        if let Some(entry) = list.next() {
            self.cursors.push(Reverse(Cursor {
                entry: *entry,
                shape,
                queue,
                rest: Rest::List(list),
            }));
        }
    }
}

impl PartialEq for Cursor<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.entry == other.entry
    }
}

impl Eq for Cursor<'_> {}

impl PartialOrd for Cursor<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Cursor<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.entry.cmp(&other.entry)
    }
}
