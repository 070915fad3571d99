//! Arrays and gangs within a job: what their instances have in common.

use std::sync::Arc;

use super::{
    Cluster,
    job::Job,
    jobs::{Jobs, TaskRef},
    node::NodeSlot,
    phase::Phase,
};
use crate::{GroupKind, Instance, InstanceOf, Peers, Topology};

/// A group and where its instances stand, as far as starting the next depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) spec: crate::Group,
    /// Of an array: instances that are queued, active or wait out a backoff.
    pub(crate) under_way: u32,
    /// Of an array: instances that failed for good.
    pub(crate) failed: u32,
    /// Instances that are as good as done.
    pub(crate) done: u32,
    /// Of an array: none before this one waits for its turn.
    pub(crate) next: u32,
}

/// The groups of a job, ascending.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Groups(pub(crate) Vec<Group>);

impl Groups {
    pub(crate) fn of(specs: &[crate::Group]) -> Self {
        let start = |spec: &crate::Group| Group {
            spec: *spec,
            under_way: 0,
            failed: 0,
            done: 0,
            next: spec.first,
        };
        Self(specs.iter().map(start).collect())
    }

    /// Place of the group that a task is an instance of.
    pub(crate) fn find(&self, task: u32) -> Option<usize> {
        let behind = self.0.partition_point(|group| group.spec.first <= task);
        let place = behind.checked_sub(1)?;
        self.0[place].spec.contains(task).then_some(place)
    }
}

impl Job {
    /// The group that a task is an instance of; undo steps are none.
    pub(crate) fn group_of(&self, task: u32) -> Option<&Group> {
        let place = self.group_place(task)?;
        Some(&self.groups()[place])
    }

    /// The gang that a task is a member of.
    pub(crate) fn gang_of(&self, task: u32) -> Option<&Group> {
        let group = self.group_of(task)?;
        matches!(group.spec.kind, GroupKind::Gang { .. }).then_some(group)
    }
}

impl Jobs {
    /// The last task of the job that is as good as a task, but for its number: instances of an array or gang are alike.
    pub(crate) fn last_alike(&self, at: TaskRef) -> u32 {
        let group = self.get(at.job).group_of(at.task);
        group.map_or(at.task, |group| group.spec.whole() - 1)
    }
}

impl Cluster {
    /// Where the members of a gang are that has started, for each of them. `None`: it belongs to none, or is an undo step.
    pub(super) fn peers(&self, at: TaskRef) -> Option<Peers> {
        let job = self.jobs.get(at.job);
        let gang = job.gang_of(at.task)?.spec;
        let GroupKind::Gang { topology } = gang.kind else {
            return None;
        };
        Some(Peers {
            addresses: self.addresses(job, &gang),
            ring: topology == Topology::Ring,
        })
    }

    /// Which of how many a task, or undo step, is; for its agent.
    pub(super) fn instance(&self, at: TaskRef, peers: Option<&Peers>) -> Option<Instance> {
        let job = self.jobs.get(at.job);
        let task = at.task % job.task_count();
        let group = job.group_of(task)?.spec;
        Some(Instance {
            index: task - group.first,
            count: group.count,
            of: match group.kind {
                GroupKind::Array { .. } => InstanceOf::Array,
                GroupKind::Gang { .. } => InstanceOf::Gang(peers.cloned()),
            },
        })
    }

    /// Of the nodes of a gang that has started, by rank.
    fn addresses(&self, job: &Job, gang: &crate::Group) -> Arc<[Arc<str>]> {
        let members = &job.tasks[gang.first as usize..gang.whole() as usize];
        let address = |node: NodeSlot| Arc::clone(&self.nodes.get(node).attributes.address);
        let of = |phase: &Phase| match phase {
            Phase::Arrived(held) => address(held.node),
            phase => phase
                .held()
                .map_or_else(Arc::default, |held| address(held.node)),
        };
        members.iter().map(|member| of(&member.phase)).collect()
    }
}
