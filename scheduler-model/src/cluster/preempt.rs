//! Attempts make room for a more urgent task. They are asked to stop as for a drain, and run again at no cost.

use std::collections::BTreeMap;

use super::{
    Cluster,
    job::Job,
    jobs::TaskRef,
    node::NodeSlot,
    phase::{Kind, Phase, StopCause},
    rules::RuleBook,
};
use crate::{AttemptKey, Effects, Preemption, Priority};

/// The places that are being made, by the queued tasks that they are for. Not recorded: after a load what stops counts
/// as coming free for whoever is first in order.
#[derive(Debug, Default)]
pub(crate) struct Preempting {
    places: BTreeMap<TaskRef, Place>,
}

#[derive(Debug)]
struct Place {
    node: NodeSlot,
    /// Who was asked to stop, and has not ended.
    victims: Vec<TaskRef>,
}

impl Preempting {
    pub(crate) fn places(&self) -> impl Iterator<Item = (TaskRef, NodeSlot)> {
        self.places.iter().map(|(task, place)| (*task, place.node))
    }

    /// How many attempts have yet to end so that a task can start.
    pub(super) fn victims(&self, task: TaskRef) -> u32 {
        let place = self.places.get(&task);
        place.map_or(0, |place| place.victims.len() as u32)
    }

    /// Instead of another that the task may have had, on a node that has gone.
    fn note(&mut self, task: TaskRef, node: NodeSlot, victims: Vec<TaskRef>) {
        self.places.insert(task, Place { node, victims });
    }

    /// An attempt has ended.
    pub(super) fn forget_victim(&mut self, victim: TaskRef) {
        for place in self.places.values_mut() {
            place.victims.retain(|one| *one != victim);
        }
    }

    /// A task waits no more. True when others were kept from its place.
    pub(super) fn forget(&mut self, task: TaskRef) -> bool {
        self.places.remove(&task).is_some()
    }
}

impl Cluster {
    /// A proposal may be wrong or come too late, like any other.
    pub(super) fn preempt(&mut self, preemption: &Preemption, effects: &mut Effects) {
        let Some((task, node, victims)) = self.check_preemption(preemption) else {
            self.counters.rejected_placements += 1;
            self.ready.reopen();
            self.wants_dispatch = true;
            return;
        };
        self.preempting.note(task, node, victims.clone());
        for victim in victims {
            let message = format!("preempted by job {}", preemption.job);
            self.stop_because(victim, StopCause::Requeue, Some(message.into()), effects);
        }
    }

    fn check_preemption(
        &self,
        preemption: &Preemption,
    ) -> Option<(TaskRef, NodeSlot, Vec<TaskRef>)> {
        let node = self.nodes.find(&preemption.node)?;
        let at = TaskRef {
            job: self.jobs.find(preemption.job)?,
            task: preemption.task,
        };
        let job = self.jobs.get(at.job);
        let task = job.tasks.get(at.task as usize)?;
        let victims = preemption.victims.iter();
        let victims = victims.map(|victim| self.check_victim(*victim, node, job.priority));
        let mut victims = victims.collect::<Option<Vec<_>>>()?;
        victims.sort_unstable();
        victims.dedup();
        let is_waiting = matches!(task.phase, Phase::Queued { .. });
        (is_waiting && job.preempts()).then_some((at, node, victims))
    }

    fn check_victim(&self, key: AttemptKey, on: NodeSlot, priority: Priority) -> Option<TaskRef> {
        let at = TaskRef {
            job: self.jobs.find(key.job)?,
            task: key.task,
        };
        let job = self.jobs.get(at.job);
        let task = job.tasks.get(at.task as usize)?;
        let is_there = task.phase.held()?.node == on && task.attempt == key.attempt;
        (is_there && job.yields(at.task, priority, &self.rules)).then_some(at)
    }
}

impl Job {
    /// Whether it may have others stopped now.
    pub(crate) fn preempts(&self) -> bool {
        self.may_preempt && (self.priority == Priority::URGENT || self.escalated)
    }

    /// Whether a task may be stopped for one of this priority. Not what takes back or cleans up, nor what would take its
    /// gang with it, nor what may not run twice.
    pub(crate) fn yields(&self, task: u32, priority: Priority, rules: &RuleBook) -> bool {
        let stopped = &self.tasks[task as usize];
        stopped.preemptible
            && self.priority < priority
            && stopped.phase.may_be_stopped()
            && stopped.kind == Kind::Main
            && self.gang_of(task).is_none()
            && rules.get(stopped.run().rules).retry.rerun_lost
    }
}
