//! The tasks that wait for a node: by queue, then by shape, then in the order of the policy.
//!
//! Fit is judged once per shape. A shape found to fit nowhere is *parked*: until more capacity comes free it can fit only
//! on nodes that gave some back since ([`Ready::freed`]), so a round passes it over by looking at those alone; a gang needs
//! one of them for a member at least. One that no connected node could hold even when empty is *impossible* until a node
//! joins.

mod rearrange;
mod runs;
mod used;

use std::{
    cell::{Cell, Ref, RefCell},
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use rustc_hash::FxHashMap;

use super::{
    age::{AGED, behind_aged},
    fit::Fit,
    jobs::{JobSlot, TaskRef},
    lanes::Lanes,
    node::NodeSlot,
    nodes::Nodes,
};
use crate::{
    Resources, Weights,
    dispatch::{Site, sites},
    policy::{Facts, Policy},
};

pub(crate) use rearrange::Waiting;

/// More freed nodes than this are not looked at one by one.
pub(crate) const FREED_SEEN: usize = 64;

/// Place of a demand in memory. Reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ShapeId(u32);

impl ShapeId {
    pub(super) const FIRST: Self = Self(0);
    pub(super) const LAST: Self = Self(u32::MAX);
}

/// A waiting task in the order in which it should start: by the policy's key, then older jobs first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) key: i64,
    /// Place of its job in the order of arrival.
    pub(crate) arrival: u64,
    pub(crate) task: TaskRef,
}

impl Entry {
    /// Before all others.
    pub(super) const FIRST: Self = Self {
        key: i64::MIN,
        arrival: 0,
        task: TaskRef {
            job: JobSlot::FIRST,
            task: 0,
        },
    };

    /// Its place in an order whose keys change; what is escalated or has aged stays before all others.
    pub(crate) fn ranked(&self, policy: &dyn Policy, facts: impl FnOnce() -> Facts) -> Self {
        if self.key <= AGED {
            return *self;
        }
        let key = behind_aged(policy.key(&facts()));
        Self { key, ..*self }
    }
}

/// What is known of a shape's chances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// May fit anywhere.
    Open,
    /// Fits at most on nodes that gave capacity back since it was judged.
    Parked,
    /// Fits nowhere even when everything is free.
    Impossible,
}

#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) fit: Fit,
    /// Where it may run, as of a version of the nodes. A memo.
    sites: RefCell<(u64, Box<[Site]>)>,
    /// A memo: a round notes here what it finds while it reads the index.
    standing: Cell<Standing>,
    /// Open tasks of this shape, waiting or not.
    uses: u32,
    /// Queues in which tasks of this shape wait.
    queues: u32,
}

#[derive(Debug)]
pub(crate) struct Queue {
    name: (Arc<str>, Arc<str>),
    /// Open jobs.
    jobs: u32,
    lists: BTreeMap<ShapeId, BTreeSet<Entry>>,
    /// First of every list.
    heads: BTreeSet<(Entry, ShapeId)>,
}

#[derive(Debug, Default)]
pub(crate) struct Ready {
    shapes: Vec<Shape>,
    free_shapes: Vec<ShapeId>,
    by_fit: FxHashMap<Fit, ShapeId>,
    /// Shapes of which tasks wait, by cpu.
    waiting: BTreeSet<(u64, ShapeId)>,
    /// How many of them are open.
    open: Cell<usize>,
    /// How many of them may have others stopped.
    preempting: usize,
    /// Nodes that gave capacity back since every shape was last judged, ascending.
    pub(crate) freed: Vec<NodeSlot>,
    queues: Vec<Queue>,
    free_queues: Vec<u32>,
    /// By namespace, then by name.
    by_name: FxHashMap<Arc<str>, FxHashMap<Arc<str>, u32>>,
    len: usize,
    /// `None` where the policy ranks no windows.
    lanes: Option<Box<Lanes>>,
}

impl Ready {
    pub(crate) fn new(serves_windows: bool) -> Self {
        Self {
            lanes: serves_windows.then(Box::default),
            ..Self::default()
        }
    }

    /// Where windows are drawn from.
    pub(crate) fn lanes(&self) -> Option<&Lanes> {
        self.lanes.as_deref()
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn shape(&self, shape: ShapeId) -> &Shape {
        &self.shapes[shape.0 as usize]
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

    /// `latest_start` is that which meets the deadline, where there is one.
    pub(crate) fn insert(
        &mut self,
        queue: u32,
        shape: ShapeId,
        entry: Entry,
        latest_start: Option<i64>,
    ) {
        if let Some(lanes) = &mut self.lanes {
            lanes.insert(entry, shape, latest_start);
        }
        let Queue { lists, heads, .. } = &mut self.queues[queue as usize];
        let list = lists.entry(shape).or_default();
        let old = list.first().copied();
        let is_new = list.insert(entry);
        assert!(is_new, "{entry:?} waits already");
        if old.is_none_or(|old| entry < old) {
            if let Some(old) = old {
                heads.remove(&(old, shape));
            }
            heads.insert((entry, shape));
        }
        if old.is_none() {
            self.enter_queue(shape);
        }
        self.len += 1;
    }

    pub(crate) fn remove(
        &mut self,
        queue: u32,
        shape: ShapeId,
        entry: Entry,
        latest_start: Option<i64>,
    ) {
        if let Some(lanes) = &mut self.lanes {
            lanes.remove(entry, shape, latest_start);
        }
        let Queue { lists, heads, .. } = &mut self.queues[queue as usize];
        let list = lists.get_mut(&shape).expect("the task's list is there");
        let was_head = list.first() == Some(&entry);
        let was_there = list.remove(&entry);
        assert!(was_there, "{entry:?} waits");
        if was_head {
            heads.remove(&(entry, shape));
            match list.first() {
                Some(next) => {
                    heads.insert((*next, shape));
                }
                None => {
                    lists.remove(&shape);
                    self.leave_queue(shape);
                }
            }
        }
        self.len -= 1;
    }

    /// A node has given capacity back.
    pub(crate) fn note_freed(&mut self, node: NodeSlot) {
        if let Err(place) = self.freed.binary_search(&node) {
            self.freed.insert(place, node);
        }
    }

    /// A node has joined: whatever was found to fit nowhere may fit there, now or when it is empty.
    pub(crate) fn reopen(&mut self) {
        for shape in &self.shapes {
            shape.standing.set(Standing::Open);
        }
        self.open.set(self.waiting.len());
    }

    /// Notes what was found of a shape of which tasks wait.
    pub(crate) fn judge(&self, shape: ShapeId, standing: Standing) {
        let old = self.shape(shape).standing.replace(standing);
        let closed = usize::from(old == Standing::Open);
        let opened = usize::from(standing == Standing::Open);
        self.open.set(self.open.get() - closed + opened);
    }

    /// Forgets freed nodes that have less cpu free than anything that waits asks for: nothing parked fits there, and what is
    /// not parked is tried everywhere. Keeps the list short where strict order never judges all that wait.
    pub(crate) fn forget_full(&mut self, nodes: &Nodes) {
        let least = self.least_cpu_millis();
        if !self.may_preempt() {
            self.freed
                .retain(|slot| nodes.get(*slot).free().cpu_millis >= least);
        }
    }

    fn least_cpu_millis(&self) -> u64 {
        let least = self.waiting.first();
        least.map_or(u64::MAX, |(cpu_millis, _)| *cpu_millis)
    }

    /// True when every shape that waits was found to fit at most on freed nodes, and there are none, or none is small enough for
    /// those, of which each has at most `room` free, as far as that is known.
    pub(crate) fn nothing_fits(&self, room: Option<&Resources>) -> bool {
        if self.open.get() > 0 {
            return false;
        }
        let is_too_small = |room: &Resources| room.cpu_millis < self.least_cpu_millis();
        // What is too small may be enough beside what they may have stopped.
        self.freed.is_empty() || room.is_some_and(is_too_small) && !self.may_preempt()
    }

    /// Whether a node that gave something back has room for it.
    pub(crate) fn fits_freed(&self, nodes: &Nodes, demand: &Resources) -> bool {
        let mut freed = self.freed.iter();
        freed.any(|slot| demand.fits(nodes.get(*slot).free()))
    }

    /// Whether tasks wait that may have others stopped.
    pub(crate) fn may_preempt(&self) -> bool {
        self.preempting > 0
    }

    fn enter_queue(&mut self, shape: ShapeId) {
        let entering = &mut self.shapes[shape.0 as usize];
        entering.queues += 1;
        if entering.queues == 1 {
            self.waiting.insert((entering.fit.demand.cpu_millis, shape));
            *self.open.get_mut() += 1;
            self.preempting += usize::from(entering.fit.preempts);
        }
    }

    fn leave_queue(&mut self, shape: ShapeId) {
        let leaving = &mut self.shapes[shape.0 as usize];
        leaving.queues -= 1;
        if leaving.queues == 0 {
            self.waiting.remove(&(leaving.fit.demand.cpu_millis, shape));
            self.preempting -= usize::from(leaving.fit.preempts);
            // While nobody waits nobody judges, and the freed nodes are forgotten.
            let old = leaving.standing.replace(Standing::Open);
            *self.open.get_mut() -= usize::from(old == Standing::Open);
        }
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

    /// All waiting tasks.
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
    pub(crate) fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    pub(crate) fn heads(&self) -> std::collections::btree_set::Iter<'_, (Entry, ShapeId)> {
        self.heads.iter()
    }

    pub(crate) fn list(&self, shape: ShapeId) -> std::collections::btree_set::Iter<'_, Entry> {
        self.lists[&shape].iter()
    }
}

impl Shape {
    pub(crate) fn demand(&self) -> &Resources {
        &self.fit.demand
    }

    /// Where it may run now.
    pub(crate) fn sites(&self, nodes: &Nodes, weights: &Weights) -> Ref<'_, [Site]> {
        let known = self.sites.borrow().0;
        if known != nodes.version() {
            let sites = sites(nodes, &self.fit.constraints, weights);
            *self.sites.borrow_mut() = (nodes.version(), sites);
        }
        Ref::map(self.sites.borrow(), |(_, sites)| &**sites)
    }

    pub(crate) fn standing(&self) -> Standing {
        self.standing.get()
    }
}
