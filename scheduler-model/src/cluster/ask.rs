//! Questions that only the model can answer. Each costs a bounded amount of work.

use super::{
    Cluster,
    jobs::{JobSlot, TaskRef},
    node::Node,
    ready::Entry,
    task::{Phase, Task},
};
use crate::{
    Action, Answer, CallerId, Effects, JobView, NodeView, PendingReason, PolicyView, Position,
    Question, Resource, Resources, TaskState, TaskView, Timestamp,
};

impl Cluster {
    pub(super) fn ask(
        &self,
        now: Timestamp,
        caller: CallerId,
        question: &Question,
        effects: &mut Effects,
    ) {
        let answer = match question {
            Question::Job(id) => {
                Answer::Job(self.jobs.find(*id).map(|slot| self.view_job(now, slot)))
            }
            Question::Nodes => Answer::Nodes(self.nodes.by_name().map(view_node).collect()),
            Question::Policy => Answer::Policy(PolicyView {
                policy: self.config.policy.name(),
                mode: self.config.mode,
            }),
        };
        effects.actions.push(Action::Reply { caller, answer });
    }

    fn view_job(&self, now: Timestamp, slot: JobSlot) -> JobView {
        let job = self.jobs.get(slot);
        // Counting places costs most; tasks beyond the first few learn theirs from these.
        let mut positions = POSITIONS_PER_ANSWER;
        JobView {
            tasks: (0..job.tasks.len() as u32)
                .map(|task| self.view_task(now, TaskRef { job: slot, task }, &mut positions))
                .collect(),
        }
    }

    fn view_task(&self, now: Timestamp, at: TaskRef, positions: &mut usize) -> TaskView {
        let job = self.jobs.get(at.job);
        let task = &job.tasks[at.task as usize];
        let pending = match task.phase {
            Phase::Pending { unmet } => Some(PendingReason::Dependency {
                task: self.first_unmet(&job.tasks, task),
                unmet,
            }),
            Phase::Retrying { until } => Some(PendingReason::Backoff { until }),
            Phase::Queued { .. } => Some(self.why_queued(now, at, positions)),
            _ => None,
        };
        TaskView {
            state: task.state(),
            pending,
        }
    }

    fn first_unmet(&self, tasks: &[Task], task: &Task) -> u32 {
        *task
            .needs
            .iter()
            .find(|needed| tasks[**needed as usize].state() != TaskState::Succeeded)
            .expect("a pending task needs something")
    }

    fn why_queued(&self, now: Timestamp, at: TaskRef, positions: &mut usize) -> PendingReason {
        let job = self.jobs.get(at.job);
        let task = &job.tasks[at.task as usize];
        let demand = self.ready.shape(task.shape).demand;
        let Some(largest) = self.largest_capacity() else {
            return PendingReason::NoNodes;
        };
        if let Some(reason) = self.fits_no_empty_node(&demand, &largest) {
            return reason;
        }
        let entry = self.entry(at).expect("a queued task is in the index");
        let position = self.position(&entry, positions);
        if let Some(resource) = self.lacks_now(&demand) {
            let reserved = self
                .reservation
                .as_ref()
                .filter(|held| held.job == job.id && held.task == at.task)
                .map(|held| (held.node.clone(), held.start.max(now)));
            return PendingReason::WaitsForCapacity {
                resource,
                position,
                reserved,
            };
        }
        match &self.reservation {
            Some(held) if (held.job, held.task) != (job.id, at.task) => {
                PendingReason::HeldForReservation {
                    job: held.job,
                    task: held.task,
                }
            }
            _ => PendingReason::Outranked {
                position,
                policy: self.config.policy.name(),
            },
        }
    }

    fn position(&self, entry: &Entry, positions: &mut usize) -> Position {
        if *positions == 0 {
            return Position(Position::LIMIT);
        }
        *positions -= 1;
        Position(self.ready.count_before(entry, Position::LIMIT as usize) as u32 + 1)
    }

    /// The largest amount of each resource that any one connected node has.
    fn largest_capacity(&self) -> Option<Resources> {
        self.nodes
            .connected()
            .map(|(_, node)| node.capacity)
            .reduce(|largest, capacity| largest.component_max(&capacity))
    }

    fn fits_no_empty_node(&self, demand: &Resources, largest: &Resources) -> Option<PendingReason> {
        let mut connected = self.nodes.connected();
        if connected.any(|(_, node)| demand.fits(&node.capacity)) {
            return None;
        }
        // Each kind alone may fit somewhere, only not together: then name what the node with most cpu lacks.
        let resource = demand
            .exceeds(largest)
            .or_else(|| demand.exceeds(&self.roomiest()?.capacity))
            .unwrap_or(Resource::Cpu);
        Some(PendingReason::NoNodeFits {
            resource,
            wanted: demand.get(resource),
            largest: largest.get(resource),
        })
    }

    fn roomiest(&self) -> Option<&Node> {
        self.nodes
            .connected()
            .map(|(_, node)| node)
            .max_by_key(|node| node.capacity.cpu_millis)
    }

    /// What the node that comes nearest lacks; `None` when the demand fits somewhere now.
    fn lacks_now(&self, demand: &Resources) -> Option<Resource> {
        let mut lacking = None;
        for (_, node) in self
            .nodes
            .connected()
            .filter(|(_, node)| demand.fits(&node.capacity))
        {
            match demand.exceeds(&node.free()) {
                None => return None,
                Some(resource) => lacking = lacking.max(Some(resource)),
            }
        }
        lacking
    }
}

/// How many tasks of one answer have their place counted.
const POSITIONS_PER_ANSWER: usize = 16;

fn view_node(node: &Node) -> NodeView {
    NodeView {
        name: node.name.clone(),
        state: node.state(),
        capacity: node.capacity,
        free: node.free(),
        labels: node.labels.clone(),
        agent_version: node.agent_version.clone(),
        active_attempts: node.held.len() as u32,
        cpu_permille: node.cpu_permille,
        memory_permille: node.memory_permille,
        last_heard: node.last_heard,
    }
}
