//! What ties the tasks of a job together. Most jobs are a single task, which pays a word for it.

use std::{collections::BTreeSet, ops::Range};

use super::{edges::Edges, group::Group, group::Groups, job::Job, node::NodeSlot};
use crate::JobSpec;

#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Ties {
    /// `None` when no task needs another.
    edges: Option<Edges>,
    /// Longest path through all of them, in estimated milliseconds.
    pub(super) critical_path_ms: u64,
    groups: Groups,
    /// Groups whose tasks keep apart, and the nodes that these hold.
    apart: BTreeSet<(u32, NodeSlot)>,
}

impl Ties {
    /// `None` for a single task. `needs[i]` are the places of what task `i` needs, `ranks_ms[i]` the longest path from it to
    /// the end.
    pub(crate) fn of(spec: &JobSpec, needs: &[Box<[u32]>], ranks_ms: &[u64]) -> Option<Box<Self>> {
        let (edges, groups) = (Edges::of(needs), Groups::of(&spec.groups));
        (needs.len() > 1).then(|| {
            Box::new(Self {
                edges,
                critical_path_ms: ranks_ms.iter().copied().max().unwrap_or(0),
                groups,
                apart: BTreeSet::new(),
            })
        })
    }
}

impl Job {
    fn edges(&self) -> Option<&Edges> {
        self.ties.as_ref()?.edges.as_ref()
    }

    pub(crate) fn needs(&self, task: u32) -> &[u32] {
        self.edges().map_or(&[], |edges| edges.needs(task))
    }

    /// Who waits for a task: places for [`Job::dependent`].
    pub(crate) fn dependents(&self, task: u32) -> Range<usize> {
        self.edges().map_or(0..0, |edges| edges.dependents(task))
    }

    pub(crate) fn dependent(&self, place: usize) -> u32 {
        let edges = self.edges().expect("a place was given");
        edges.dependent(place)
    }

    /// Its arrays and gangs, ascending.
    pub(crate) fn groups(&self) -> &[Group] {
        self.ties.as_ref().map_or(&[], |ties| &ties.groups.0)
    }

    pub(super) fn group_mut(&mut self, place: usize) -> &mut Group {
        let ties = self.ties.as_mut().expect("a place was given");
        &mut ties.groups.0[place]
    }

    /// Place of the group that a task is an instance of.
    pub(super) fn group_place(&self, task: u32) -> Option<usize> {
        self.ties.as_ref()?.groups.find(task)
    }

    /// Nodes that tasks hold which keep apart, by their group.
    pub(super) fn apart(&self) -> impl Iterator<Item = &(u32, NodeSlot)> {
        self.ties.iter().flat_map(|ties| &ties.apart)
    }

    /// Whether a task of the group holds the node.
    pub(crate) fn is_apart_from(&self, group: u32, node: NodeSlot) -> bool {
        let ties = self.ties.as_ref();
        ties.is_some_and(|ties| ties.apart.contains(&(group, node)))
    }

    /// A task of the group holds the node from now on.
    pub(super) fn keep_apart(&mut self, group: u32, node: NodeSlot) {
        let ties = self.ties.get_or_insert_default();
        ties.apart.insert((group, node));
    }

    /// It gives the node back.
    pub(super) fn keep_apart_no_more(&mut self, group: u32, node: NodeSlot) {
        if let Some(ties) = &mut self.ties {
            ties.apart.remove(&(group, node));
        }
    }
}
