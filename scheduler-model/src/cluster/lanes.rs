//! Other orders of the tasks that wait, from which windows are drawn without looking at all of them.
//!
//! A large array would fill a window with tasks that are all alike, so of those of a job the orders give one: by key one of each
//! key, which instances of an array have in common, and by arrival the first.

use std::{
    collections::BTreeSet,
    iter,
    ops::Bound::{Excluded, Unbounded},
};

use super::{
    jobs::TaskRef,
    ready::{Entry, ShapeId},
};

/// A place in the order of arrival.
pub(crate) type Arrival = (u64, TaskRef);

/// Kept only where the policy ranks windows.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    by_key: BTreeSet<(Entry, ShapeId)>,
    by_arrival: BTreeSet<(Arrival, i64, ShapeId)>,
    /// By the latest start that meets the deadline; without one not at all.
    by_latest_start: BTreeSet<(i64, Entry, ShapeId)>,
}

impl Lanes {
    pub(super) fn insert(&mut self, entry: Entry, shape: ShapeId, latest_start: Option<i64>) {
        self.by_key.insert((entry, shape));
        self.by_arrival
            .insert(((entry.arrival, entry.task), entry.key, shape));
        if let Some(latest) = latest_start {
            self.by_latest_start.insert((latest, entry, shape));
        }
    }

    /// With the latest start that it was inserted with.
    pub(super) fn remove(&mut self, entry: Entry, shape: ShapeId, latest_start: Option<i64>) {
        self.by_key.remove(&(entry, shape));
        self.by_arrival
            .remove(&((entry.arrival, entry.task), entry.key, shape));
        if let Some(latest) = latest_start {
            self.by_latest_start.remove(&(latest, entry, shape));
        }
    }

    /// Smallest key first.
    pub(crate) fn first(&self) -> impl Iterator<Item = (Entry, ShapeId)> {
        let mut from = Unbounded;
        iter::from_fn(move || {
            let (entry, shape) = *self.by_key.range((from, Unbounded)).next()?;
            let last = Entry {
                task: last_of(entry.task),
                ..entry
            };
            from = Excluded((last, ShapeId::LAST));
            Some((entry, shape))
        })
    }

    /// Oldest job first.
    pub(crate) fn oldest(&self) -> impl Iterator<Item = (Entry, ShapeId)> {
        self.behind(None)
    }

    /// In the order of arrival, from behind a place on, and then from the beginning.
    pub(crate) fn after(&self, place: Option<Arrival>) -> impl Iterator<Item = (Entry, ShapeId)> {
        self.behind(place).chain(self.oldest())
    }

    fn behind(&self, place: Option<Arrival>) -> impl Iterator<Item = (Entry, ShapeId)> {
        let behind = |(arrival, task): Arrival| {
            let last = (arrival, last_of(task));
            Excluded((last, i64::MAX, ShapeId::LAST))
        };
        let mut from = place.map_or(Unbounded, behind);
        iter::from_fn(move || {
            let found = self.by_arrival.range((from, Unbounded)).next()?;
            from = behind(found.0);
            Some(entry_of(found))
        })
    }

    /// Those that can still meet their deadlines if they start by then, the most urgent first.
    pub(crate) fn due_from(&self, now: i64) -> impl Iterator<Item = (Entry, ShapeId)> {
        let from = (now, Entry::FIRST, ShapeId::FIRST);
        let due = self.by_latest_start.range(from..);
        due.map(|(_, entry, shape)| (*entry, *shape))
    }
}

/// Behind all tasks of its job.
fn last_of(task: TaskRef) -> TaskRef {
    TaskRef {
        task: u32::MAX,
        ..task
    }
}

fn entry_of(((arrival, task), key, shape): &(Arrival, i64, ShapeId)) -> (Entry, ShapeId) {
    let entry = Entry {
        key: *key,
        arrival: *arrival,
        task: *task,
    };
    (entry, *shape)
}
