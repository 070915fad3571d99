//! What active attempts hold of their nodes.

use super::{Cluster, jobs::TaskRef, node::Holding, phase::Held};

impl Cluster {
    /// The attempt has its resources from now on, and keeps others apart.
    pub(super) fn hold(&mut self, at: TaskRef, held: Held) {
        let job = self.jobs.get_mut(at.job);
        let task = &job.tasks[at.task as usize];
        let holding = Holding::of(job, at, held.assigned_at);
        let fit = &self.ready.shape(task.run().shape).fit;
        if let Some((_, group)) = fit.apart {
            job.keep_apart(group, held.node);
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
        if let Some((_, group)) = fit.apart {
            job.keep_apart_no_more(group, held.node);
        }
        job.held_millis -= fit.demand.width_millis();
        self.nodes.vacate(held.node, holding, &fit.demand);
        if self.nodes.get(held.node).is_eligible() {
            self.ready.note_freed(held.node);
            self.wants_dispatch = true;
        }
    }
}
