//! What active attempts hold of their nodes.

use super::{
    Cluster,
    job::Job,
    jobs::TaskRef,
    node::{Holding, NodeSlot},
    phase::Held,
};

impl Cluster {
    /// The attempt has its resources from now on, and keeps others apart.
    pub(super) fn hold(&mut self, at: TaskRef, held: Held) {
        let job = self.jobs.get_mut(at.job);
        let task = &job.tasks[at.task as usize];
        let holding = Holding::of(job, at, held.assigned_at);
        let fit = &self.ready.shape(task.run().shape).fit;
        if let Some((_, group)) = fit.apart {
            job.apart.get_or_insert_default().insert((group, held.node));
        }
        job.held_millis += fit.demand.width_millis();
        self.nodes.occupy(held.node, holding, &fit.demand);
    }

    /// Gives back what an attempt holds.
    ///
    /// # Panics
    /// When it holds nothing.
    pub(super) fn release_capacity(&mut self, at: TaskRef) {
        let job = self.jobs.get_mut(at.job);
        let task = &job.tasks[at.task as usize];
        let held = *task
            .phase
            .held()
            .expect("only an active attempt holds capacity");
        let holding = Holding::of(job, at, held.assigned_at);
        let fit = &self.ready.shape(task.run().shape).fit;
        if let (Some((_, group)), Some(apart)) = (fit.apart, &mut job.apart) {
            apart.remove(&(group, held.node));
        }
        job.held_millis -= fit.demand.width_millis();
        self.nodes.vacate(held.node, holding, &fit.demand);
        if self.nodes.get(held.node).is_eligible() {
            self.ready.note_freed(held.node);
            self.wants_dispatch = true;
        }
    }
}

impl Job {
    /// Whether a task of the group holds the node.
    pub(crate) fn is_apart_from(&self, group: u32, node: NodeSlot) -> bool {
        let apart = self.apart.as_ref();
        apart.is_some_and(|apart| apart.contains(&(group, node)))
    }
}
