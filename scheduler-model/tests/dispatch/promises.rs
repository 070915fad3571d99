//! What must hold, judged by decisions and by the record.

use std::collections::BTreeMap;

use drover_model::{
    AttemptRow, AttemptState, Group, GroupKind, JobId, NodeName, Resources, Timestamp, Topology,
};

use super::play::{Play, name};

impl Play {
    /// From the record alone.
    pub(crate) fn assert_capacity(&self) {
        let stored = &self.world.store;
        for (place, node) in self.load.nodes.iter().enumerate() {
            let mut used = Resources::ZERO;
            let active = stored.attempts.values();
            for row in active.filter(|row| *row.node == *name(place) && !row.state.is_final()) {
                let task = &stored.specs[&row.key.job].tasks[row.key.task as usize];
                used.add(&task.step.as_ref().expect("it runs").resources);
            }
            let capacity = node.capacity();
            assert!(
                used.fits(&capacity),
                "{place} has {capacity:?}, holds {used:?}"
            );
        }
    }

    /// Only tasks are looked at that were the head until they started.
    pub(crate) fn assert_reservations_hold(&self) {
        let mut promised: Option<(JobId, u32, Timestamp)> = None;
        for (at, decision) in &self.decisions {
            if let Some((job, task, start)) = promised {
                let has_started =
                    (decision.placements.iter()).any(|one| (one.job, one.task) == (job, task));
                if has_started {
                    assert!(
                        *at <= start,
                        "{job} {task} starts at {at:?}, not at {start:?}"
                    );
                    promised = None;
                }
            }
            let Some(reserved) = &decision.reserved else {
                continue;
            };
            let start = reserved.start.max(*at);
            match promised {
                Some((job, task, before)) if (job, task) == (reserved.job, reserved.task) => {
                    assert!(start <= before, "{job} {task}: {start:?} after {before:?}");
                }
                Some((job, task, _)) => {
                    panic!("{job} {task} is the head, not {reserved:?}");
                }
                None => {}
            }
            promised = Some((reserved.job, reserved.task, start));
        }
        assert_eq!(promised, None, "it starts in the end");
    }

    /// Members of a gang have the same attempts, assigned at the same time, on nodes that suit their topology.
    pub(crate) fn assert_together(&self) {
        for (job, spec) in &self.world.store.specs {
            for group in &spec.groups {
                self.assert_gang(*job, group);
            }
        }
    }

    fn assert_gang(&self, job: JobId, gang: &Group) {
        let GroupKind::Gang { topology } = gang.kind else {
            return;
        };
        let rows = self.world.store.attempts.values();
        let rows = rows.filter(|row| row.key.job == job && gang.contains(row.key.task));
        let mut attempts: BTreeMap<u32, Vec<&AttemptRow>> = BTreeMap::new();
        rows.for_each(|row| attempts.entry(row.key.attempt).or_default().push(row));
        for members in attempts.values() {
            assert_eq!(members.len(), gang.count as usize, "all of {job} or none");
            let first = members[0];
            assert!(
                members
                    .iter()
                    .all(|one| one.assigned_at == first.assigned_at)
            );
            let region = |node: &NodeName| {
                let given = &self.world.store.nodes[node].given;
                given.region.clone()
            };
            let places: Vec<_> = members
                .iter()
                .map(|one| (region(&one.node), one.node.clone()))
                .collect();
            match topology {
                Topology::Any => {}
                Topology::SameRegion => {
                    assert!(
                        places.iter().all(|place| place.0 == places[0].0),
                        "{places:?}"
                    );
                }
                Topology::Ring => assert!(places.is_sorted(), "{places:?}"),
            }
            let step = self.world.store.specs[&job].tasks[gang.first as usize]
                .step
                .as_ref();
            if step.is_some_and(|step| step.apart.is_some()) {
                let mut nodes: Vec<_> = members.iter().map(|one| &one.node).collect();
                nodes.sort_unstable();
                nodes.dedup();
                assert_eq!(nodes.len(), members.len(), "apart");
            }
        }
    }

    /// Only those are stopped who agreed, for more urgent jobs that may, and at no cost.
    pub(crate) fn assert_victims(&self) {
        let stored = &self.world.store;
        for row in stored.attempts.values() {
            let spec = &stored.specs[&row.key.job];
            if row.state != AttemptState::Requeued {
                assert_eq!(row.state, AttemptState::Succeeded, "{row:?}");
                continue;
            }
            let message = row.message.as_deref().unwrap_or("");
            let by = message.strip_prefix("preempted by job ").expect("a reason");
            let mut urgent = stored.specs.iter();
            let (_, urgent) = urgent.find(|(id, _)| id.to_string() == by).expect("a job");
            assert!(urgent.may_preempt && urgent.priority.get() == 100);
            assert!(spec.priority < urgent.priority && spec.groups.is_empty());
            let step = spec.tasks[row.key.task as usize].step.as_ref();
            assert!(step.is_some_and(|step| step.preemptible));
        }
    }
}
