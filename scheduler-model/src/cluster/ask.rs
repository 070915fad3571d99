//! Questions that only the model can answer. Each costs a bounded amount of work.

use std::sync::Arc;

use super::{
    Cluster,
    job::Job,
    jobs::{JobSlot, TaskRef},
    node::NodeSlot,
    phase::Phase,
    why::Inquiry,
};
use crate::{
    Action, Answer, CallerId, Effects, GroupKind, JobView, NodeView, PendingReason, PolicyView,
    Question, StatusView, TaskState, TaskView, Timestamp,
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
            Question::Explain { job, task } => {
                let decision = self.decisions.find(*job, *task);
                Answer::Explained {
                    task: self.explain(now, *job, *task).map(Box::new),
                    decision: decision.cloned().map(Box::new),
                }
            }
            Question::Nodes => {
                let nodes = self.nodes.by_name();
                Answer::Nodes(nodes.map(|slot| self.view_node(now, slot)).collect())
            }
            Question::Policy => Answer::Policy(PolicyView {
                policy: Arc::clone(&self.policy_name),
                mode: self.config.mode,
                weights: self.config.weights,
            }),
            Question::Status => Answer::Status(self.view_status()),
        };
        effects.actions.push(Action::Reply { caller, answer });
    }

    fn view_job(&self, now: Timestamp, slot: JobSlot) -> JobView {
        let job = self.jobs.get(slot);
        // Counting places costs most; tasks beyond the first few learn theirs from these.
        let inquiry = Inquiry::new(POSITIONS_PER_ANSWER);
        let mut tasks: Vec<TaskView> = Vec::with_capacity(job.task_count() as usize);
        let mut counted_all = false;
        for task in 0..job.task_count() {
            let like = tasks
                .last()
                .filter(|_| counted_all && self.waits_alike(now, slot, task, &inquiry));
            let view = match like {
                Some(like) => like.clone(),
                None => {
                    counted_all = inquiry.positions.get() == 0;
                    self.view_task(now, slot, task, &inquiry)
                }
            };
            tasks.push(view);
        }
        JobView { tasks }
    }

    /// Whether a task is an instance that waits for the same as the one before it: most of a large array do.
    fn waits_alike(&self, now: Timestamp, slot: JobSlot, task: u32, inquiry: &Inquiry) -> bool {
        let job = self.jobs.get(slot);
        let group = job.group_of(task);
        let Some(before) = task
            .checked_sub(1)
            .filter(|before| group.is_some_and(|group| group.spec.contains(*before)))
        else {
            return false;
        };
        let phases = [before, task].map(|task| &job.tasks[task as usize].phase);
        let is_special = |task: u32| {
            let held = self.reservation(now, inquiry);
            held.is_some_and(|held| (held.job, held.task) == (job.id, task))
                || self.preempting.victims(TaskRef { job: slot, task }) > 0
        };
        matches!(
            phases,
            [Phase::Queued { .. }, Phase::Queued { .. }] | [Phase::Gathering, Phase::Gathering]
        ) && ![before, task].into_iter().any(is_special)
    }

    pub(super) fn view_task(
        &self,
        now: Timestamp,
        slot: JobSlot,
        task: u32,
        inquiry: &Inquiry,
    ) -> TaskView {
        TaskView {
            state: self.jobs.get(slot).task_state(task),
            pending: self.why_pending(now, slot, task, inquiry),
            estimate: self.estimate(TaskRef { job: slot, task }),
        }
    }

    /// Of a task, or of its undo step once that is awake.
    fn why_pending(
        &self,
        now: Timestamp,
        slot: JobSlot,
        task: u32,
        inquiry: &Inquiry,
    ) -> Option<PendingReason> {
        let job = self.jobs.get(slot);
        let task = job.shown_undo(task).unwrap_or(task);
        let at = TaskRef { job: slot, task };
        match job.tasks[task as usize].phase {
            Phase::Dormant => Some(PendingReason::Finally),
            Phase::Pending { unmet, .. } => Some(PendingReason::Dependency {
                task: first_unmet(job, task),
                unmet,
            }),
            Phase::Retrying { until } => Some(PendingReason::Backoff { until }),
            Phase::Gathering => Some(self.why_gathering(now, at, inquiry)),
            Phase::Queued { .. } => Some(self.why_queued(now, at, inquiry)),
            _ => None,
        }
    }

    /// The others of its group keep it back; those of a gang that is complete wait as one.
    fn why_gathering(&self, now: Timestamp, at: TaskRef, inquiry: &Inquiry) -> PendingReason {
        let job = self.jobs.get(at.job);
        let group = job.group_of(at.task).expect("only instances gather").spec;
        match group.kind {
            GroupKind::Array { parallel, .. } => PendingReason::ArrayLimit { parallel },
            GroupKind::Gang { .. } if self.is_complete(at.job, group.first..group.whole()) => {
                let first = TaskRef {
                    task: group.first,
                    ..at
                };
                self.why_queued(now, first, inquiry)
            }
            GroupKind::Gang { .. } => {
                let members = &job.tasks[group.first as usize..group.whole() as usize];
                let waiting = members
                    .iter()
                    .filter(|member| member.phase == Phase::Gathering);
                PendingReason::GangIncomplete {
                    waiting: waiting.count() as u32,
                    size: group.count,
                }
            }
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

    pub(super) fn view_node(&self, now: Timestamp, slot: NodeSlot) -> NodeView {
        let node = self.nodes.get(slot);
        let within_ms = self.config.quarantine.within_ms;
        NodeView {
            name: node.name.clone(),
            state: node.state(),
            quarantined_until: node.quarantined_until.filter(|_| node.is_quarantined()),
            losses: node.losses.recent(now, within_ms),
            capacity: node.capacity.clone(),
            free: node.free().clone(),
            attributes: node.attributes.clone(),
            admission: node.admission,
            agent_version: node.agent_version.clone(),
            active_attempts: node.held.len() as u32,
            cpu_permille: node.cpu_permille,
            memory_permille: node.memory_permille,
            speed_permille: self.estimator.node_speed(slot.place()),
            last_heard: node.last_heard,
        }
    }
}

/// How many tasks of one answer have their place counted.
const POSITIONS_PER_ANSWER: usize = 16;

/// A need that has not ended well. The undo of what never succeeded keeps nobody waiting.
fn first_unmet(job: &Job, task: u32) -> u32 {
    let unmet = job.needs(task).iter().find(|needed| {
        let needed = &job.tasks[**needed as usize];
        needed.phase.counts_as() != TaskState::Succeeded && needed.phase != Phase::Dormant
    });
    let shown = unmet.expect("a pending task needs something");
    shown % job.task_count()
}
