//! Room that urgent tasks have made for themselves: whom to stop, and who gets the place then.
//!
//! A claim outlives its round: until the task starts, its place is kept from all others, whatever order and mode.
//! Otherwise whom it had stopped might come back first, and be stopped again. A gang makes no room for itself.

use std::cmp::Reverse;

use super::{
    oust::{Stoppable, choose},
    reserve::Shadow,
    round::Round,
    walk::Candidate,
};
use crate::{
    AttemptKey, Preemption, Priority, Resources,
    cluster::{
        fit::Fit,
        jobs::TaskRef,
        node::{Node, NodeSlot},
        phase::Phase,
        ready::{Entry, Shape},
    },
};

/// So many tasks have others stopped for them at the same time.
const CLAIMS: usize = 16;

/// A place that is being made for a task.
pub(super) struct Claim<'a> {
    pub(super) task: TaskRef,
    node: NodeSlot,
    fit: &'a Fit,
    pub(super) shadow: Shadow,
}

/// Whom to stop on a node, and what is left there when these have ended and the task has its place.
struct Eviction<'a> {
    node: NodeSlot,
    victims: Vec<Stoppable<'a>>,
    beside: Resources,
}

impl<'a> Round<'a> {
    /// Those for whom others were stopped come first: they start if their place is there, else it is kept for them.
    pub(super) fn serve_claims(&mut self) {
        let places = self.preempting.places();
        let entry = |(task, node)| (self.entry(task), node);
        let mut waiting: Vec<(Entry, NodeSlot)> = places.map(entry).collect();
        waiting.sort_unstable();
        for (entry, node) in waiting {
            self.serve_claim(entry.task, node);
        }
    }

    fn entry(&self, task: TaskRef) -> Entry {
        let Phase::Queued { key, .. } = self.task(task).phase else {
            panic!("{task:?} has a claim and does not wait");
        };
        Entry {
            key,
            arrival: self.jobs.get(task.job).arrival,
            task,
        }
    }

    fn serve_claim(&mut self, task: TaskRef, slot: NodeSlot) {
        *self.considered = Some(task.job);
        let shape = self.ready.shape(self.task(task).run().shape);
        let found = self.find_on(task, shape, slot);
        if let Some(found) = found.filter(|_| !self.is_full()) {
            self.take(task, shape, &found, false);
            self.served.insert(task);
            return;
        }
        let node = self.nodes.get(slot);
        let is_valid = node.is_eligible()
            && shape.fit.admits(node)
            && self.keeps_apart(task, &shape.fit, slot);
        if let Some(beside) = self.left_beside(slot, shape.demand()).filter(|_| is_valid) {
            self.keep_for(task, slot, &shape.fit, beside);
        }
    }

    /// Makes room for a task that fits nowhere, if it may. True when room is being made.
    pub(super) fn claim(&mut self, candidate: &Candidate, shape: &'a Shape) -> bool {
        let task = candidate.entry.task;
        // By the shape alone where that is enough: the task itself lies somewhere cold.
        let may_preempt = shape.fit.preempts && shape.fit.gang.is_none();
        if !may_preempt || !self.jobs.get(task.job).preempts() {
            return false;
        }
        if self.claims.iter().any(|claim| claim.task == task) {
            return true;
        }
        if self.claims.len() >= CLAIMS {
            return false;
        }
        let Some(eviction) = self.best_eviction(task, shape) else {
            return false;
        };
        let victims = eviction.victims.iter().map(|victim| victim.task);
        self.victims.extend(victims.clone());
        self.preemptions.push(Preemption {
            job: self.jobs.get(task.job).id,
            task: task.task,
            node: self.nodes.get(eviction.node).name.clone(),
            victims: victims.map(|victim| self.attempt_key(victim)).collect(),
        });
        self.keep_for(task, eviction.node, &shape.fit, eviction.beside);
        true
    }

    fn attempt_key(&self, at: TaskRef) -> AttemptKey {
        AttemptKey {
            job: self.jobs.get(at.job).id,
            task: at.task,
            attempt: self.task(at).attempt,
        }
    }

    fn keep_for(&mut self, task: TaskRef, node: NodeSlot, fit: &'a Fit, beside: Resources) {
        // Whoever is asked to stop may end any moment.
        let shadow = Shadow::on(node, self.now, fit, beside);
        self.claims.push(Claim {
            task,
            node,
            fit,
            shadow,
        });
    }

    /// A task has started, and needs no place to be made for it: who was to be stopped in this round for others on that node
    /// may be left alone.
    pub(super) fn release_claim(&mut self, task: TaskRef) {
        let Some(at) = self.claims.iter().position(|claim| claim.task == task) else {
            return;
        };
        let node = self.claims.remove(at).node;
        let mut preemptions = std::mem::take(&mut self.preemptions);
        for preemption in &mut preemptions {
            if *preemption.node == *self.nodes.get(node).name {
                self.spare(preemption, node);
            }
        }
        self.preemptions = preemptions;
    }

    /// Leaves those alone whom the task can do without by now, the oldest first.
    fn spare(&mut self, preemption: &mut Preemption, node: NodeSlot) {
        let job = self.jobs.find(preemption.job);
        let is_its =
            |claim: &Claim<'_>| Some(claim.task.job) == job && claim.task.task == preemption.task;
        let Some(at) = self.claims.iter().position(is_its) else {
            return;
        };
        let Claim { task, fit, .. } = self.claims.remove(at);
        preemption.victims.retain(|victim| {
            let Some(job) = self.jobs.find(victim.job) else {
                return true;
            };
            let victim = TaskRef {
                job,
                task: victim.task,
            };
            self.victims.remove(&victim);
            let is_needed = self.left_beside(node, &fit.demand).is_none();
            if is_needed {
                self.victims.insert(victim);
            }
            is_needed
        });
        if let Some(beside) = self.left_beside(node, &fit.demand) {
            self.keep_for(task, node, fit, beside);
        }
    }

    /// The fewest victims, then the youngest; ties go to the node that joined first.
    fn best_eviction(&self, task: TaskRef, shape: &'a Shape) -> Option<Eviction<'a>> {
        let end = self.task(task).expected_end(self.now);
        let priority = self.jobs.get(task.job).priority;
        let is_possible = |slot: &NodeSlot| {
            let mut shadow = self.shadow.iter();
            shape.fit.admits(self.nodes.get(*slot))
                && self.keeps_apart(task, &shape.fit, *slot)
                && shadow.all(|shadow| shadow.admits(*slot, end, &shape.fit))
        };
        let nodes = self.nodes.eligible().map(|(slot, _)| slot);
        nodes
            .filter(is_possible)
            .filter_map(|slot| self.eviction(slot, shape.demand(), priority))
            .min_by_key(|eviction| {
                let victims = &eviction.victims;
                let oldest = victims.iter().map(|victim| victim.assigned_at).min();
                (victims.len(), Reverse(oldest), eviction.node)
            })
    }

    fn eviction(
        &self,
        slot: NodeSlot,
        demand: &Resources,
        priority: Priority,
    ) -> Option<Eviction<'a>> {
        let node = self.nodes.get(slot);
        let wanted = self.wanted(slot, demand);
        let mut available = self.available(node);
        let mut victims = Vec::new();
        if !wanted.fits(&available) {
            let held = node.held.iter().map(|held| held.task);
            let stoppable = held.filter_map(|held| self.stoppable(held, priority));
            victims = choose(&wanted, &available, stoppable.collect())?;
            for victim in &victims {
                available.add(victim.demand);
            }
        }
        Some(Eviction {
            node: slot,
            victims,
            beside: available.saturating_sub(&wanted),
        })
    }

    fn stoppable(&self, at: TaskRef, priority: Priority) -> Option<Stoppable<'a>> {
        let job = self.jobs.get(at.job);
        if self.victims.contains(&at) || !job.yields(at.task, priority, self.rules) {
            return None;
        }
        let task = self.task(at);
        Some(Stoppable {
            task: at,
            assigned_at: task.phase.held()?.assigned_at,
            demand: self.ready.shape(task.run().shape).demand(),
        })
    }

    /// What is left of a node beside a task and all others that have claims on it, when what stops there has ended.
    fn left_beside(&self, slot: NodeSlot, demand: &Resources) -> Option<Resources> {
        let wanted = self.wanted(slot, demand);
        let available = self.available(self.nodes.get(slot));
        (wanted.fits(&available)).then(|| available.saturating_sub(&wanted))
    }

    /// With what others have claims on.
    fn wanted(&self, slot: NodeSlot, demand: &Resources) -> Resources {
        let mut wanted = demand.clone();
        let claims = self.claims.iter().filter(|claim| claim.node == slot);
        claims.for_each(|claim| wanted.add(&claim.fit.demand));
        wanted
    }

    /// What is free when all that stops there has ended.
    fn available(&self, node: &Node) -> Resources {
        let mut available = node.free().clone();
        for held in &node.held {
            let task = self.task(held.task);
            let stops = matches!(task.phase, Phase::Stopping { .. });
            if stops || self.victims.contains(&held.task) {
                available.add(self.ready.shape(task.run().shape).demand());
            }
        }
        available
    }
}
