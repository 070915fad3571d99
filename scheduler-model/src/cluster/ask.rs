//! Questions that only the model can answer. Each costs a bounded amount of work.

use super::{
    Cluster,
    job::Job,
    jobs::{JobSlot, TaskRef},
    node::Node,
    phase::Phase,
    ready::Entry,
};
use crate::{
    Action, Answer, CallerId, Effects, JobView, NodeView, PendingReason, PolicyView, Position,
    Question, Resource, Resources, StatusView, TaskView, Timestamp,
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
            Question::Nodes => {
                let nodes = self.nodes.by_name();
                Answer::Nodes(nodes.map(|node| self.view_node(now, node)).collect())
            }
            Question::Policy => Answer::Policy(PolicyView {
                policy: self.config.policy.name(),
                mode: self.config.mode,
            }),
            Question::Status => Answer::Status(self.view_status()),
        };
        effects.actions.push(Action::Reply { caller, answer });
    }

    fn view_job(&self, now: Timestamp, slot: JobSlot) -> JobView {
        let job = self.jobs.get(slot);
        // Counting places costs most; tasks beyond the first few learn theirs from these.
        let mut positions = POSITIONS_PER_ANSWER;
        JobView {
            tasks: (0..job.task_count())
                .map(|task| TaskView {
                    state: job.task_state(task),
                    pending: self.why_pending(now, slot, task, &mut positions),
                })
                .collect(),
        }
    }

    /// Of a task, or of its undo step once that is awake.
    fn why_pending(
        &self,
        now: Timestamp,
        slot: JobSlot,
        task: u32,
        positions: &mut usize,
    ) -> Option<PendingReason> {
        let job = self.jobs.get(slot);
        let undo = job.undo_of(task);
        let task = undo
            .filter(|undo| job.tasks[*undo as usize].phase != Phase::Dormant)
            .unwrap_or(task);
        let at = TaskRef { job: slot, task };
        match job.tasks[task as usize].phase {
            Phase::Dormant => Some(PendingReason::Finally),
            Phase::Pending { unmet, .. } => Some(PendingReason::Dependency {
                task: first_unmet(job, task),
                unmet,
            }),
            Phase::Retrying { until } => Some(PendingReason::Backoff { until }),
            Phase::Queued { .. } => Some(self.why_queued(now, at, positions)),
            _ => None,
        }
    }

    fn view_status(&self) -> StatusView {
        let active = self.nodes.iter().map(|(_, node)| node.held.len() as u64);
        StatusView {
            counters: self.counters,
            open_jobs: self.jobs.len() as u64,
            queued_tasks: self.ready.len() as u64,
            active_tasks: active.sum(),
        }
    }

    fn view_node(&self, now: Timestamp, node: &Node) -> NodeView {
        let within_ms = self.config.quarantine.within_ms;
        NodeView {
            name: node.name.clone(),
            state: node.state(),
            quarantined_until: node.quarantined_until.filter(|_| node.is_quarantined()),
            losses: node.losses.recent(now, within_ms),
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

    fn why_queued(&self, now: Timestamp, at: TaskRef, positions: &mut usize) -> PendingReason {
        let job = self.jobs.get(at.job);
        let task = &job.tasks[at.task as usize];
        let demand = self.ready.shape(task.run().shape).demand;
        let Some(largest) = self.largest_capacity() else {
            return self
                .until_released(&demand)
                .unwrap_or(PendingReason::NoNodes);
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

    /// The largest amount of each resource that any one node has.
    fn largest_capacity(&self) -> Option<Resources> {
        self.nodes
            .eligible()
            .map(|(_, node)| node.capacity)
            .reduce(|largest, capacity| largest.component_max(&capacity))
    }

    fn fits_no_empty_node(&self, demand: &Resources, largest: &Resources) -> Option<PendingReason> {
        let mut eligible = self.nodes.eligible();
        if eligible.any(|(_, node)| demand.fits(&node.capacity)) {
            return None;
        }
        if let Some(reason) = self.until_released(demand) {
            return Some(reason);
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

    /// When the first quarantined node on which it would fit is free again.
    fn until_released(&self, demand: &Resources) -> Option<PendingReason> {
        let quarantined = self
            .nodes
            .iter()
            .filter(|(_, node)| node.is_quarantined() && demand.fits(&node.capacity));
        quarantined
            .filter_map(|(_, node)| node.quarantined_until)
            .min()
            .map(|until| PendingReason::Quarantined { until })
    }

    fn roomiest(&self) -> Option<&Node> {
        self.nodes
            .eligible()
            .map(|(_, node)| node)
            .max_by_key(|node| node.capacity.cpu_millis)
    }

    /// What the node that comes nearest lacks; `None` when the demand fits somewhere now.
    fn lacks_now(&self, demand: &Resources) -> Option<Resource> {
        let mut lacking = None;
        for (_, node) in self
            .nodes
            .eligible()
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

/// A need that has not ended well. The undo of what never succeeded keeps nobody waiting.
fn first_unmet(job: &Job, task: u32) -> u32 {
    let unmet = job.needs(task).iter().find(|needed| {
        let needed = &job.tasks[**needed as usize];
        needed.phase != Phase::Succeeded && needed.phase != Phase::Dormant
    });
    let shown = unmet.expect("a pending task needs something");
    shown % job.task_count()
}
