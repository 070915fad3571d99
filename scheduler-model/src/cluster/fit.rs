//! Where a task fits, or all members of a gang together.

use std::{
    collections::BTreeMap,
    hash::{Hash, Hasher},
    sync::Arc,
};

use super::{node::Node, nodes::Nodes};
use crate::{
    Constraints, DeadlineAction, GroupKind, JobId, JobSpec, Priority, Resources, StepSpec,
    Topology, Unmet,
};

/// What decides where a task fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fit {
    pub(crate) demand: Resources,
    pub(crate) constraints: Arc<Constraints>,
    /// Its job and the group within: where others of the group run, it does not.
    pub(crate) apart: Option<(JobId, u32)>,
    /// Set where it stands for all members of a gang, which start together; the rest is about each of them.
    pub(crate) gang: Option<GangFit>,
    /// It may stop others to make room, now or once it is escalated. Such tasks wait apart from others, so that none of
    /// these stands before them.
    pub(crate) preempts: bool,
}

/// How many start together, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct GangFit {
    pub(crate) size: u32,
    pub(crate) topology: Topology,
}

/// Most tasks have no constraints, and hashing these takes longer than all the rest.
impl Hash for Fit {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.demand, self.apart, self.gang, self.preempts).hash(state);
        if !self.constraints.is_none() {
            self.constraints.hash(state);
        }
    }
}

impl Fit {
    /// Of a step of the job: that of the task at `member`, or an undo step.
    pub(crate) fn of(id: JobId, job: &JobSpec, step: &StepSpec, member: Option<u32>) -> Self {
        let group = member.and_then(|task| job.group_of(task));
        let gang = group.and_then(|group| match group.kind {
            GroupKind::Gang { topology } => Some(GangFit {
                size: group.count,
                topology,
            }),
            GroupKind::Array { .. } => None,
        });
        Self {
            demand: step.resources.clone(),
            constraints: Arc::clone(&step.constraints),
            apart: step.apart.map(|group| (id, group)),
            gang,
            preempts: job.may_preempt
                && (job.priority == Priority::URGENT
                    || job.deadline_action == DeadlineAction::Escalate),
        }
    }

    /// How many places it needs.
    pub(crate) fn size(&self) -> u32 {
        self.gang.map_or(1, |gang| gang.size)
    }

    /// How many of its places a node has that has so much free, others of its group aside.
    pub(crate) fn room(&self, free: &Resources) -> u32 {
        let most = if self.apart.is_some() { 1 } else { self.size() };
        self.demand.times_in(free, most)
    }

    /// How many of its places there are among nodes that have so many each.
    pub(crate) fn fitting<'a>(&self, rooms: impl Iterator<Item = (&'a Node, u32)>) -> u32 {
        let size = self.size();
        let by_region = self.gang.map(|gang| gang.topology) == Some(Topology::SameRegion);
        let mut regions: BTreeMap<Option<&str>, u32> = BTreeMap::new();
        for (node, room) in rooms {
            let region = node.attributes.region.as_deref().filter(|_| by_region);
            let fitting = regions.entry(region).or_default();
            *fitting = fitting.saturating_add(room).min(size);
            if *fitting == size {
                break;
            }
        }
        regions.into_values().max().unwrap_or(0)
    }

    /// Whether a node could hold it, were it empty.
    pub(crate) fn admits(&self, node: &Node) -> bool {
        self.demand.fits(&node.capacity)
            && self.constraints.admits(&node.attributes)
            && !self.constraints.avoids(&node.name)
    }

    /// What of its constraints a node does not meet.
    pub(crate) fn unmet(&self, node: &Node) -> Option<Unmet> {
        if self.constraints.avoids(&node.name) {
            return Some(Unmet::Avoided);
        }
        self.constraints.unmet(&node.attributes)
    }

    /// Whether nodes that get new work could hold it now, others of its group aside.
    pub(crate) fn has_room(&self, nodes: &Nodes) -> bool {
        let mut admitting = nodes.eligible().filter(|(_, node)| self.admits(node));
        if self.gang.is_none() {
            return admitting.any(|(_, node)| self.demand.fits(node.free()));
        }
        self.fitting(admitting.map(|(_, node)| (node, self.room(node.free())))) == self.size()
    }

    /// Whether nodes that get new work could, were they empty.
    pub(crate) fn is_possible(&self, nodes: &Nodes) -> bool {
        self.is_possible_on(nodes.eligible().map(|(_, node)| node))
    }

    /// Whether these nodes could, were they empty.
    pub(crate) fn is_possible_on<'a>(&self, nodes: impl Iterator<Item = &'a Node>) -> bool {
        let mut admitting = nodes.filter(|node| self.admits(node));
        if self.gang.is_none() {
            return admitting.next().is_some();
        }
        self.fitting(admitting.map(|node| (node, self.room(&node.capacity)))) == self.size()
    }
}
