//! Derived state against what it is derived from. For tests and simulators: nothing in production calls this.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Write as _},
};

use super::{
    Cluster,
    age::AGED,
    job::{Counts, Job},
    jobs::{JobSlot, TaskRef},
    node::{Holding, NodeSlot},
    phase::Phase,
    ready::Standing,
    task::Task,
};
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
            self.assert_held(job);
            job.assert_arrays();
            job.assert_gangs();
            self.assert_alike(slot, job);
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

    fn assert_held(&self, job: &Job) {
        let active = job.tasks.iter().filter(|task| task.phase.held().is_some());
        let width = |task: &Task| self.ready.shape(task.run().shape).demand().width_millis();
        let held: u64 = active.map(width).sum();
        assert_eq!(job.held_millis, held, "what job {} holds", job.id);
    }

    /// Orders rank one instance of an array or gang for all.
    fn assert_alike(&self, slot: JobSlot, job: &Job) {
        for (place, task) in (0..).zip(&job.tasks) {
            let last = self.jobs.last_alike(TaskRef {
                job: slot,
                task: place,
            });
            let last = &job.tasks[last as usize];
            let ranked_by = |task: &Task| {
                let shape = task.run.map(|run| run.shape);
                (shape, task.estimate_ms, task.upward_rank_ms)
            };
            assert_eq!(
                ranked_by(task),
                ranked_by(last),
                "task {place} of job {} is like the last of its group",
                job.id
            );
        }
    }

    fn is_indexed(&self, at: TaskRef) -> bool {
        let job = self.jobs.get(at.job);
        let entry = self.jobs.entry(at).expect("a queued task");
        let mut list = self
            .ready
            .queue(job.queue)
            .list(job.tasks[at.task as usize].run().shape);
        list.any(|other| *other == entry)
    }

    fn assert_capacity(&self) {
        for (slot, node) in self.nodes.iter() {
            let mut used = Resources::ZERO;
            for Holding {
                until, task: at, ..
            } in &node.held
            {
                let task = &self.jobs.get(at.job).tasks[at.task as usize];
                let held = task
                    .phase
                    .held()
                    .expect("a node holds active attempts only");
                assert_eq!(
                    (held.node, task.expected_end(held.assigned_at)),
                    (slot, *until),
                    "node {}",
                    node.name
                );
                used.add(self.ready.shape(task.run().shape).demand());
            }
            assert_eq!(*node.used(), used, "what node {} holds", node.name);
            let free = node.capacity.saturating_sub(&used);
            assert_eq!(*node.free(), free, "what is free on node {}", node.name);
        }
        self.assert_apart();
        let active: usize = self.nodes.iter().map(|(_, node)| node.held.len()).sum();
        let tasks = self.jobs.iter().flat_map(|(_, job)| job.tasks.iter());
        assert_eq!(
            active,
            tasks.filter(|task| task.phase.held().is_some()).count(),
            "active attempts"
        );
    }

    fn assert_apart(&self) {
        for (_, job) in self.jobs.iter() {
            let mut apart = BTreeSet::new();
            for task in &job.tasks {
                let fit = task.run.map(|run| &self.ready.shape(run.shape).fit);
                let group = fit.and_then(|fit| fit.apart);
                if let (Some(held), Some((_, group))) = (task.phase.held(), group) {
                    let is_alone = apart.insert((group, held.node));
                    assert!(is_alone, "group {group} of job {} keeps apart", job.id);
                }
            }
            let kept: BTreeSet<_> = job.apart().copied().collect();
            assert_eq!(kept, apart, "what job {} keeps apart", job.id);
        }
    }

    /// A parked shape must fit only where a round would look: else its tasks would wait for ever.
    fn assert_standing(&self) {
        for (_, shape, _) in self.ready.entries() {
            let shape = self.ready.shape(shape);
            let fit = &shape.fit;
            match shape.standing() {
                Standing::Open => {}
                Standing::Impossible => {
                    assert!(!fit.is_possible(&self.nodes), "{shape:?} could fit");
                }
                // Where others of its group are is not the node's to say.
                Standing::Parked if fit.apart.is_some() => {}
                Standing::Parked => {
                    let is_freed = |slot: &NodeSlot| {
                        let node = self.nodes.get(*slot);
                        node.is_eligible() && fit.demand.fits(node.free())
                    };
                    let is_judged_again = self.ready.freed.iter().any(is_freed);
                    let elsewhere = self.nodes.eligible();
                    let elsewhere = elsewhere
                        .filter(|(slot, node)| !self.ready.freed.contains(slot) && fit.admits(node))
                        .map(|(_, node)| (node, fit.room(node.free())));
                    let waits_unseen = match fit.gang {
                        // Only what was freed is looked at.
                        None => fit.fitting(elsewhere) > 0,
                        // Everything is, if a member fits there.
                        Some(_) => fit.has_room(&self.nodes) && !is_judged_again,
                    };
                    assert!(!waits_unseen, "{shape:?} fits");
                }
            }
        }
    }

    /// Whether places of its tasks in the order may come from run times that were learned, and may differ after a load.
    fn goes_by_what_was_learned(&self, job: &Job) -> bool {
        let mut tasks = job.tasks.iter();
        tasks.any(|task| task.run.is_some() && !task.is_stated)
    }

    /// Waiting begins afresh with a load.
    fn without_age(&self, at: TaskRef) -> Phase {
        match self.jobs.get(at.job).tasks[at.task as usize].phase {
            Phase::Queued { key: AGED, since } => Phase::Queued {
                key: self.key(at),
                since,
            },
            phase => phase,
        }
    }

    /// What must survive a reload, in words that do not depend on places in memory.
    pub fn durable(&self) -> BTreeMap<JobId, String> {
        self.jobs
            .iter()
            .map(|(slot, job)| {
                let (state, intent) = job.written;
                let priority = job.priority;
                let mut text = format!("{state} intent {intent} priority {priority} {:?}", job.stage);
                let learns = self.goes_by_what_was_learned(job);
                for (place, task) in (0..).zip(&job.tasks) {
                    let held = match &task.phase {
                        Phase::Arrived(held) => Some(held),
                        phase => phase.held(),
                    };
                    let node = held.map(|held| &*self.nodes.get(held.node).name);
                    let avoid = task.avoid.map(|node| &*self.nodes.get(node).name);
                    let (attempt, failures, losses) = (task.attempt, task.failures, task.losses);
                    let phase = Unplaced {
                        phase: self.without_age(TaskRef { job: slot, task: place }),
                        shows_key: !learns,
                    };
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
struct Unplaced {
    phase: Phase,
    shows_key: bool,
}

impl fmt::Display for Unplaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.phase.held().map(|held| held.assigned_at);
        match self.phase {
            Phase::Running { started_at, .. } => write!(f, "running {held:?} {started_at:?}"),
            Phase::Stopping {
                started_at, cause, ..
            } => write!(f, "stopping {held:?} {started_at:?} {cause:?}"),
            Phase::Assigned(_) => write!(f, "assigned {held:?}"),
            Phase::Arrived(held) => write!(f, "arrived {:?}", { held.assigned_at }),
            // What waits for a stage has a fresh allowance after a load.
            Phase::Pending { unmet, .. } => write!(f, "pending {unmet}"),
            Phase::Queued { key, .. } if self.shows_key => write!(f, "queued {key}"),
            Phase::Queued { .. } => f.write_str("queued"),
            other => write!(f, "{other:?}"),
        }
    }
}
