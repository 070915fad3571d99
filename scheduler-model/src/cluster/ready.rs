//! The tasks that wait for a node: by queue, then by shape, then in the order of the policy.
//!
//! Fit is judged once per shape. A shape that fits nowhere now is *parked* until capacity comes free that it fits into;
//! one that no connected node could hold even when empty is *impossible* until such a node joins. Both are passed over
//! without looking at their tasks.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use rustc_hash::FxHashMap;

use super::jobs::TaskRef;
use crate::{JobId, Resources};

/// Place of a demand in memory. Reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ShapeId(u32);

/// A waiting task in the order in which it should start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) key: i64,
    pub(crate) job: JobId,
    pub(crate) place: u32,
    pub(crate) task: TaskRef,
}

/// What is known of a shape's chances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// May fit somewhere.
    Open,
    /// Fits nowhere now.
    Parked,
    /// Fits nowhere even when everything is free.
    Impossible,
}

#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) demand: Resources,
    pub(crate) standing: Standing,
    /// Open tasks of this shape, waiting or not.
    uses: u32,
    /// Queues in which tasks of this shape wait.
    queues: BTreeSet<u32>,
}

#[derive(Debug)]
pub(crate) struct Queue {
    name: (Arc<str>, Arc<str>),
    /// Open jobs.
    jobs: u32,
    lists: BTreeMap<ShapeId, BTreeSet<Entry>>,
    /// First of the list of every open shape.
    heads: BTreeSet<(Entry, ShapeId)>,
    /// First of the list of every parked shape.
    parked: BTreeSet<(Entry, ShapeId)>,
}

#[derive(Debug, Default)]
pub(crate) struct Ready {
    shapes: Vec<Shape>,
    free_shapes: Vec<ShapeId>,
    by_demand: FxHashMap<Resources, ShapeId>,
    /// Parked or impossible shapes by cpu, to find those that freed capacity may suit.
    shut: BTreeSet<(u64, ShapeId)>,
    queues: Vec<Queue>,
    free_queues: Vec<u32>,
    by_name: FxHashMap<(Arc<str>, Arc<str>), u32>,
    len: usize,
}

impl Ready {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// True when some task waits whose shape may fit.
    pub(crate) fn has_open(&self) -> bool {
        self.queues.iter().any(|queue| !queue.heads.is_empty())
    }

    pub(crate) fn shape(&self, shape: ShapeId) -> &Shape {
        &self.shapes[shape.0 as usize]
    }

    /// The shape of this demand, used once more.
    pub(crate) fn use_shape(&mut self, demand: &Resources) -> ShapeId {
        if let Some(shape) = self.by_demand.get(demand) {
            self.shapes[shape.0 as usize].uses += 1;
            return *shape;
        }
        let new = Shape {
            demand: *demand,
            standing: Standing::Open,
            uses: 1,
            queues: BTreeSet::new(),
        };
        let shape = if let Some(shape) = self.free_shapes.pop() {
            self.shapes[shape.0 as usize] = new;
            shape
        } else {
            self.shapes.push(new);
            ShapeId(u32::try_from(self.shapes.len() - 1).expect("fewer than 2^32 shapes"))
        };
        self.by_demand.insert(*demand, shape);
        shape
    }

    pub(crate) fn release_shape(&mut self, shape: ShapeId) {
        let released = &mut self.shapes[shape.0 as usize];
        released.uses -= 1;
        if released.uses == 0 {
            assert!(
                released.queues.is_empty(),
                "no task of an unused shape waits"
            );
            self.shut.remove(&(released.demand.cpu_millis, shape));
            self.by_demand.remove(&released.demand);
            self.free_shapes.push(shape);
        }
    }

    /// The queue of this name, used by one more job.
    pub(crate) fn use_queue(&mut self, namespace: &Arc<str>, queue: &Arc<str>) -> u32 {
        let name = (Arc::clone(namespace), Arc::clone(queue));
        if let Some(queue) = self.by_name.get(&name) {
            self.queues[*queue as usize].jobs += 1;
            return *queue;
        }
        let new = Queue {
            name: name.clone(),
            jobs: 1,
            lists: BTreeMap::new(),
            heads: BTreeSet::new(),
            parked: BTreeSet::new(),
        };
        let queue = if let Some(queue) = self.free_queues.pop() {
            self.queues[queue as usize] = new;
            queue
        } else {
            self.queues.push(new);
            u32::try_from(self.queues.len() - 1).expect("fewer than 2^32 queues")
        };
        self.by_name.insert(name, queue);
        queue
    }

    pub(crate) fn release_queue(&mut self, queue: u32) {
        let released = &mut self.queues[queue as usize];
        released.jobs -= 1;
        if released.jobs == 0 {
            assert!(
                released.lists.is_empty(),
                "no task of an unused queue waits"
            );
            self.by_name.remove(&released.name);
            self.free_queues.push(queue);
        }
    }

    pub(crate) fn queues(&self) -> impl Iterator<Item = (u32, &Queue)> {
        self.queues
            .iter()
            .enumerate()
            .map(|(queue, content)| (queue as u32, content))
    }

    pub(crate) fn queue(&self, queue: u32) -> &Queue {
        &self.queues[queue as usize]
    }

    pub(crate) fn insert(&mut self, queue: u32, shape: ShapeId, entry: Entry) {
        let list = self.queues[queue as usize].lists.entry(shape).or_default();
        let old = list.first().copied();
        let is_new = list.insert(entry);
        assert!(is_new, "{entry:?} waits already");
        if old.is_none() {
            self.shapes[shape.0 as usize].queues.insert(queue);
        }
        if old.is_none_or(|old| entry < old) {
            self.replace_head(queue, shape, old, Some(entry));
        }
        self.len += 1;
    }

    pub(crate) fn remove(&mut self, queue: u32, shape: ShapeId, entry: Entry) {
        let lists = &mut self.queues[queue as usize].lists;
        let list = lists.get_mut(&shape).expect("the task's list is there");
        let was_head = list.first() == Some(&entry);
        let was_there = list.remove(&entry);
        assert!(was_there, "{entry:?} waits");
        let next = list.first().copied();
        if next.is_none() {
            lists.remove(&shape);
            self.shapes[shape.0 as usize].queues.remove(&queue);
        }
        if was_head {
            self.replace_head(queue, shape, Some(entry), next);
        }
        self.len -= 1;
    }

    fn replace_head(&mut self, queue: u32, shape: ShapeId, old: Option<Entry>, new: Option<Entry>) {
        let queue = &mut self.queues[queue as usize];
        let heads = match self.shapes[shape.0 as usize].standing {
            Standing::Open => &mut queue.heads,
            Standing::Parked => &mut queue.parked,
            Standing::Impossible => return,
        };
        if let Some(old) = old {
            heads.remove(&(old, shape));
        }
        if let Some(new) = new {
            heads.insert((new, shape));
        }
    }

    /// Moves a shape's heads to where `standing` has them.
    pub(crate) fn set_standing(&mut self, shape: ShapeId, standing: Standing) {
        let changed = &mut self.shapes[shape.0 as usize];
        let old = std::mem::replace(&mut changed.standing, standing);
        let place = (changed.demand.cpu_millis, shape);
        match standing {
            Standing::Open => self.shut.remove(&place),
            Standing::Parked | Standing::Impossible => self.shut.insert(place),
        };
        for queue in &changed.queues {
            let queue = &mut self.queues[*queue as usize];
            let head = *queue.lists[&shape].first().expect("a list is never empty");
            match old {
                Standing::Open => queue.heads.remove(&(head, shape)),
                Standing::Parked => queue.parked.remove(&(head, shape)),
                Standing::Impossible => true,
            };
            match standing {
                Standing::Open => queue.heads.insert((head, shape)),
                Standing::Parked => queue.parked.insert((head, shape)),
                Standing::Impossible => true,
            };
        }
    }

    /// Opens every shut shape that fits into `free`, which is what some node now has.
    pub(crate) fn capacity_came_free(&mut self, free: &Resources) {
        let fitting: Vec<ShapeId> = self
            .shut
            .range(..=(free.cpu_millis, ShapeId(u32::MAX)))
            .map(|(_, shape)| *shape)
            .filter(|shape| self.shape(*shape).demand.fits(free))
            .collect();
        for shape in fitting {
            self.set_standing(shape, Standing::Open);
        }
    }

    /// The first in order among the parked.
    pub(crate) fn first_parked(&self) -> Option<(Entry, ShapeId)> {
        self.queues
            .iter()
            .filter_map(|queue| queue.parked.first())
            .min()
            .copied()
    }

    /// Number of waiting tasks before `entry`, counted up to `limit`.
    pub(crate) fn count_before(&self, entry: &Entry, limit: usize) -> usize {
        self.queues
            .iter()
            .flat_map(|queue| queue.lists.values())
            .map(|list| list.range(..entry))
            .try_fold(0, |count, before| {
                let count = count + before.take(limit - count).count();
                if count >= limit {
                    Err(limit)
                } else {
                    Ok(count)
                }
            })
            .unwrap_or_else(|limit| limit)
    }

    /// All waiting tasks, for checks.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (u32, ShapeId, &Entry)> {
        self.queues().flat_map(|(queue, content)| {
            content
                .lists
                .iter()
                .flat_map(move |(shape, list)| list.iter().map(move |entry| (queue, *shape, entry)))
        })
    }
}

impl Queue {
    pub(crate) fn heads(&self) -> std::collections::btree_set::Iter<'_, (Entry, ShapeId)> {
        self.heads.iter()
    }

    pub(crate) fn list(&self, shape: ShapeId) -> std::collections::btree_set::Iter<'_, Entry> {
        self.lists[&shape].iter()
    }
}
