//! Derived state against what it is derived from. For tests and simulators: nothing in production calls this.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
};

use super::{Cluster, job::Counts, jobs::TaskRef, phase::Phase, ready::Standing};
use crate::{JobId, Resources};

impl Cluster {
    /// Compares everything kept incrementally with the same from scratch.
    ///
    /// # Panics
    /// With what differs.
    pub fn assert_consistent(&self) {
        self.assert_jobs();
        self.assert_capacity();
        self.assert_standing();
    }

    fn assert_jobs(&self) {
        let mut queued = 0;
        let mut payload_uses = 0;
        for (slot, job) in self.jobs.iter() {
            assert_eq!(
                job.counts,
                Counts::recompute(&job.tasks),
                "counts of job {}",
                job.id
            );
            assert_eq!(
                job.written,
                (job.state(), job.intent),
                "written state of job {}",
                job.id
            );
            payload_uses += job.tasks.iter().filter(|task| task.run.is_some()).count();
            assert_eq!(
                job.next_stage(),
                None,
                "job {} has begun its stages",
                job.id
            );
            for place in 0..job.tasks.len() as u32 {
                let at = TaskRef {
                    job: slot,
                    task: place,
                };
                if matches!(job.tasks[place as usize].phase, Phase::Queued { .. }) {
                    queued += 1;
                    assert!(
                        self.is_indexed(at),
                        "task {place} of job {} is indexed",
                        job.id
                    );
                }
            }
        }
        assert_eq!(
            self.ready.len(),
            queued,
            "the index holds queued tasks only"
        );
        assert_eq!(
            self.ready.entries().count(),
            queued,
            "the index counts right"
        );
        assert!(self.payloads.len() <= payload_uses, "payloads are released");
    }

    fn is_indexed(&self, at: TaskRef) -> bool {
        let job = self.jobs.get(at.job);
        let entry = self.entry(at).expect("a queued task");
        let mut list = self
            .ready
            .queue(job.queue)
            .list(job.tasks[at.task as usize].run().shape);
        list.any(|other| *other == entry)
    }

    fn assert_capacity(&self) {
        for (slot, node) in self.nodes.iter() {
            let mut used = Resources::ZERO;
            for (expected_end, at) in &node.held {
                let task = &self.jobs.get(at.job).tasks[at.task as usize];
                let held = task
                    .phase
                    .held()
                    .expect("a node holds active attempts only");
                assert_eq!(
                    (held.node, task.expected_end(held.assigned_at)),
                    (slot, *expected_end),
                    "node {}",
                    node.name
                );
                used.add(&self.ready.shape(task.run().shape).demand);
            }
            assert_eq!(node.used, used, "what node {} holds", node.name);
        }
        let active: usize = self.nodes.iter().map(|(_, node)| node.held.len()).sum();
        let tasks = self.jobs.iter().flat_map(|(_, job)| job.tasks.iter());
        assert_eq!(
            active,
            tasks.filter(|task| task.state().is_active()).count(),
            "active attempts"
        );
    }

    /// A parked shape must fit on no other node than a round would look at: else its tasks would wait for ever.
    fn assert_standing(&self) {
        for (_, shape, _) in self.ready.entries() {
            let shape = self.ready.shape(shape);
            let standing = shape.standing();
            for (slot, node) in self.nodes.eligible() {
                let fits_now = shape.demand.fits(&node.free()) && !self.ready.freed.contains(&slot);
                let fits_ever = shape.demand.fits(&node.capacity);
                assert!(
                    standing != Standing::Parked || !fits_now,
                    "{shape:?} on {}",
                    node.name
                );
                assert!(
                    standing != Standing::Impossible || !fits_ever,
                    "{shape:?} on {}",
                    node.name
                );
            }
        }
    }

    /// What must survive a reload, in words that do not depend on places in memory.
    pub fn durable(&self) -> BTreeMap<JobId, String> {
        self.jobs
            .iter()
            .map(|(_, job)| {
                let (state, intent) = job.written;
                let priority = job.priority;
                let mut text = format!("{state} intent {intent} priority {priority} {:?}", job.stage);
                for task in &job.tasks {
                    let node = task.phase.held().map(|held| &*self.nodes.get(held.node).name);
                    let avoid = task.avoid.map(|node| &*self.nodes.get(node).name);
                    let (attempt, failures, losses) = (task.attempt, task.failures, task.losses);
                    let phase = Unplaced(task.phase);
                    write!(
                        text,
                        "\n  {phase} on {node:?} attempt {attempt} failures {failures} losses {losses} avoid {avoid:?}"
                    )
                    .expect("strings take everything");
                }
                (job.id, text)
            })
            .collect()
    }
}

/// A phase without the place of its node.
struct Unplaced(Phase);

impl fmt::Display for Unplaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.0.held().map(|held| held.assigned_at);
        match self.0 {
            Phase::Running { started_at, .. } => write!(f, "running {held:?} {started_at:?}"),
            Phase::Stopping {
                started_at, cause, ..
            } => write!(f, "stopping {held:?} {started_at:?} {cause:?}"),
            Phase::Assigned(_) => write!(f, "assigned {held:?}"),
            // What waits for a stage has a fresh allowance after a load.
            Phase::Pending { unmet, .. } => write!(f, "pending {unmet}"),
            Phase::Queued { key, .. } => write!(f, "queued {key}"),
            other => write!(f, "{other:?}"),
        }
    }
}
