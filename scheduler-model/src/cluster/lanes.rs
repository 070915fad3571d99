//! Other orders of the tasks that wait, from which windows are drawn without looking at all of them.

use std::{
    collections::BTreeSet,
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
        self.by_key.iter().copied()
    }

    /// Oldest job first.
    pub(crate) fn oldest(&self) -> impl Iterator<Item = (Entry, ShapeId)> {
        self.by_arrival.iter().map(entry_of)
    }

    /// In the order of arrival, from behind a place on, and then from the beginning.
    pub(crate) fn after(&self, place: Option<Arrival>) -> impl Iterator<Item = (Entry, ShapeId)> {
        let last = place.map(|place| (place, i64::MAX, ShapeId::LAST));
        let from = last.map_or(Unbounded, Excluded);
        let behind = self.by_arrival.range((from, Unbounded));
        behind.chain(&self.by_arrival).map(entry_of)
    }

    /// Those that can still meet their deadlines if they start by then, the most urgent first.
    pub(crate) fn due_from(&self, now: i64) -> impl Iterator<Item = (Entry, ShapeId)> {
        let from = (now, Entry::FIRST, ShapeId::FIRST);
        let due = self.by_latest_start.range(from..);
        due.map(|(_, entry, shape)| (*entry, *shape))
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
