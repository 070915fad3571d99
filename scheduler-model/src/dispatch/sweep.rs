//! When a gang is expected to fit: time passes over all nodes together, attempt by attempt, until there is room for all.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, btree_set},
};

use super::reserve::{Shadow, held_apart, keeps_apart};
use crate::{
    Resources, Timestamp, Topology,
    cluster::{
        fit::Fit,
        jobs::TaskRef,
        node::{Holding, Node, NodeSlot},
        nodes::Nodes,
    },
};

pub(super) struct Sweep<'n, 'f, H> {
    fit: &'f Fit,
    size: u32,
    holds: &'f H,
    places: Vec<Place<'n>>,
    /// The next end on every place that has one.
    ends: BinaryHeap<Reverse<(Timestamp, usize)>>,
    /// How many members fit, by region where all have to be in one.
    rooms: BTreeMap<Option<&'n str>, u32>,
}

/// A node as time passes.
struct Place<'n> {
    slot: NodeSlot,
    region: Option<&'n str>,
    held: btree_set::Iter<'n, Holding>,
    free: Resources,
    /// Others of its group that are still there.
    apart: usize,
    room: u32,
}

impl<'a, 'n, 'f, H: Fn(TaskRef) -> &'a Fit> Sweep<'n, 'f, H> {
    pub(super) fn new(nodes: &'n Nodes, fit: &'f Fit, holds: &'f H) -> Self {
        let mut sweep = Self {
            fit,
            size: fit.size(),
            holds,
            places: Vec::new(),
            ends: BinaryHeap::new(),
            rooms: BTreeMap::new(),
        };
        for (slot, node) in nodes.eligible().filter(|(_, node)| fit.admits(node)) {
            sweep.add(slot, node);
        }
        sweep
    }

    fn add(&mut self, slot: NodeSlot, node: &'n Node) {
        let in_one = self.fit.gang.map(|gang| gang.topology) == Some(Topology::SameRegion);
        let region = node.attributes.region.as_deref().filter(|_| in_one);
        if let Some(first) = node.held.first() {
            self.ends.push(Reverse((first.until, self.places.len())));
        }
        let free = node.free().clone();
        let apart = held_apart(node, self.fit, self.holds);
        let room = if apart > 0 { 0 } else { self.fit.room(&free) };
        self.count(region, 0, room);
        self.places.push(Place {
            slot,
            region,
            held: node.held.iter(),
            free,
            apart,
            room,
        });
    }

    /// `None` when there is no room even when all nodes are empty.
    pub(super) fn run(mut self, now: Timestamp) -> Option<Shadow> {
        let mut rooms = self.rooms.iter();
        let roomy = rooms.find(|(_, room)| **room >= self.size);
        let mut start = now;
        let mut region = roomy.map(|(region, _)| *region);
        while region.is_none() {
            let Reverse((end, place)) = self.ends.pop()?;
            // What runs longer than expected may end any moment.
            start = start.max(end);
            let changed = self.end_next(place);
            region = (self.rooms[&changed] >= self.size).then_some(changed);
        }
        Some(self.keep(region?, start))
    }

    /// What is expected to end first on a place does. Returns its region.
    fn end_next(&mut self, place: usize) -> Option<&'n str> {
        let changed = &mut self.places[place];
        let held = changed.held.next().expect("an end was noted");
        let ending = (self.holds)(held.task);
        changed.free.add(&ending.demand);
        changed.apart -= usize::from(keeps_apart(ending, self.fit));
        let before = changed.room;
        if changed.apart == 0 {
            changed.room = self.fit.room(&changed.free);
        }
        let (region, after) = (changed.region, changed.room);
        if let Some(next) = changed.held.clone().next() {
            self.ends.push(Reverse((next.until, place)));
        }
        self.count(region, before, after);
        region
    }

    fn count(&mut self, region: Option<&'n str>, before: u32, after: u32) {
        let room = self.rooms.entry(region).or_default();
        *room = room.saturating_add(after - before);
    }

    /// The roomiest nodes of the region, so that they are few; ties go to the node that joined first.
    fn keep(self, region: Option<&str>, start: Timestamp) -> Shadow {
        let there = |place: &Place<'_>| place.region == region && place.room > 0;
        let mut places: Vec<Place<'_>> = self.places.into_iter().filter(there).collect();
        places.sort_by_key(|place| (Reverse(place.room), place.slot));
        let mut nodes = Vec::with_capacity(self.size as usize);
        let mut beside = BTreeMap::new();
        for place in places {
            let here = place.room.min(self.size - nodes.len() as u32);
            if here == 0 {
                break;
            }
            nodes.extend(std::iter::repeat_n(place.slot, here as usize));
            let taken = self.fit.demand.saturating_mul(here);
            beside.insert(place.slot, place.free.saturating_sub(&taken));
        }
        Shadow::on_all(nodes, start, self.fit, beside)
    }
}
