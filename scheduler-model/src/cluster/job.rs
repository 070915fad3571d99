//! A job: its intent, and its state as a function of that and of its tasks.

use std::sync::Arc;

use smallvec::SmallVec;

use super::{
    node::NodeSlot,
    phase::{Kind, Phase},
    task::Task,
    ties::Ties,
};
use crate::{
    DeadlineAction, FailureRule, Intent, JobId, JobState, MaybeTimestamp, Priority, TaskState,
    Timestamp,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) id: JobId,
    /// Place in the order of arrival, for ties; given by [`super::jobs::Jobs::insert`].
    pub(crate) arrival: u64,
    pub(crate) queue: u32,
    pub(crate) priority: Priority,
    /// Its deadline has passed, and that puts it before all others. Not recorded: after a load it passes again.
    pub(crate) escalated: bool,
    pub(crate) deadline: MaybeTimestamp,
    pub(crate) deadline_action: DeadlineAction,
    pub(crate) submitted_at: Timestamp,
    pub(crate) failure_rule: FailureRule,
    pub(crate) intent: Intent,
    /// State and intent last written; follow [`Job::state`] and `intent`.
    pub(crate) written: (JobState, Intent),
    /// `None`: neither of the two.
    pub(crate) words: Option<Box<Words>>,
    /// As in the spec, and behind them, if any has an undo step, as many undo steps in the same order. Most jobs have
    /// one, which then needs no memory of its own.
    pub(crate) tasks: SmallVec<[Task; 1]>,
    /// `None` while there are none; of several tasks there always are.
    pub(crate) ties: Option<Box<Ties>>,
    pub(crate) may_preempt: bool,
    /// Where a task of it succeeded last.
    pub(crate) near: Option<NodeSlot>,
    /// Width of what its attempts hold ([`crate::Resources::width_millis`]).
    pub(crate) held_millis: u64,
    /// What may run now.
    pub(crate) stage: Kind,
    pub(crate) counts: Counts,
}

/// What few jobs have and scheduling never reads.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Words {
    pub(crate) traceparent: Option<Arc<str>>,
    pub(crate) message: Option<Arc<str>>,
}

/// How many tasks stand where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    /// Neither dormant nor final, by [`Kind`].
    pub(crate) open: [u32; 3],
    /// Have had an attempt.
    pub(crate) begun: u32,
    /// Of these, undo steps.
    pub(crate) begun_undo: u32,
    pub(crate) failed: u32,
    pub(crate) timed_out: u32,
    /// Undo steps that ended without success.
    pub(crate) not_undone: u32,
    /// Tasks of the last kind; they are dormant until their stage.
    pub(crate) finally: u32,
    /// Estimated work of the tasks of the first kind, and of those that have not ended.
    pub(crate) work: u64,
    pub(crate) work_left: u64,
}

impl Counts {
    /// A task has its first attempt.
    pub(crate) fn begin(&mut self, kind: Kind) {
        self.begun += 1;
        self.begun_undo += u32::from(kind == Kind::Undo);
    }

    /// A task has come to its end.
    pub(crate) fn end(&mut self, task: &Task) {
        self.open[task.kind as usize] -= 1;
        if task.kind == Kind::Main {
            self.work_left -= task.work;
        }
        match (task.kind, task.phase.counts_as()) {
            (_, TaskState::Succeeded) => {}
            (Kind::Undo, _) => self.not_undone += 1,
            (_, TaskState::Failed | TaskState::UpstreamFailed) => self.failed += 1,
            (_, TaskState::TimedOut) => self.timed_out += 1,
            (_, TaskState::Cancelled) => {}
            (_, open) => panic!("{open} is not an end"),
        }
    }

    /// An end that was forgiven is so no more.
    pub(crate) fn blame(&mut self, state: TaskState) {
        self.failed += u32::from(state == TaskState::Failed);
        self.timed_out += u32::from(state == TaskState::TimedOut);
    }

    /// From nothing: for loading, for the begin of a stage, and for checking what is kept incrementally.
    pub(crate) fn recompute(tasks: &[Task]) -> Self {
        let mut counts = Self::default();
        for task in tasks {
            if task.attempt > 0 {
                counts.begin(task.kind);
            }
            counts.finally += u32::from(task.kind == Kind::Finally);
            if task.phase == Phase::Dormant {
                continue;
            }
            counts.open[task.kind as usize] += 1;
            if task.kind == Kind::Main {
                counts.work += task.work;
                counts.work_left += task.work;
            }
            if task.state().is_final() {
                counts.end(task);
            }
        }
        counts
    }

    pub(crate) fn all_open(&self) -> u32 {
        self.open.iter().sum()
    }
}

impl Job {
    /// The one place that says where a job stands.
    pub(crate) fn state(&self) -> JobState {
        let counts = &self.counts;
        let undoing = match self.intent {
            Intent::RollBack => true,
            Intent::Abandon => self.has_begun_undo(),
            _ => false,
        };
        if counts.all_open() > 0 {
            return match (undoing, counts.begun) {
                (true, _) => JobState::RollingBack,
                (false, 0) => JobState::Queued,
                (false, _) => JobState::Running,
            };
        }
        match self.intent {
            _ if undoing && counts.not_undone == 0 => JobState::RolledBack,
            _ if undoing => JobState::RollbackFailed,
            Intent::Cancel | Intent::Abandon => JobState::Cancelled,
            Intent::Expire => JobState::TimedOut,
            // Tasks that failed only because a limit passed upstream count as timed out with it.
            _ if counts.timed_out > 0 && !self.has_failed_task() => JobState::TimedOut,
            _ if counts.failed > 0 => JobState::Failed,
            _ => JobState::Succeeded,
        }
    }

    pub(crate) fn traceparent(&self) -> Option<Arc<str>> {
        self.words.as_ref()?.traceparent.clone()
    }

    /// Why it ends as it does, for people.
    pub(crate) fn message(&self) -> Option<Arc<str>> {
        self.words.as_ref()?.message.clone()
    }

    pub(crate) fn set_message(&mut self, message: Option<Arc<str>>) {
        if message.is_some() {
            self.words.get_or_insert_default().message = message;
        }
    }

    /// Number of tasks in the spec.
    pub(crate) fn task_count(&self) -> u32 {
        let all = self.tasks.len();
        (if self.has_undo() { all / 2 } else { all }) as u32
    }

    /// Longest path through its tasks, in estimated milliseconds.
    pub(crate) fn critical_path_ms(&self) -> u64 {
        let ties = self.ties.as_ref().filter(|_| self.task_count() > 1);
        ties.map_or(self.tasks[0].upward_rank_ms, |ties| ties.critical_path_ms)
    }

    /// Whether any task has an undo step.
    pub(crate) fn has_undo(&self) -> bool {
        self.tasks
            .last()
            .is_some_and(|task| task.kind == Kind::Undo)
    }

    /// The undo step of a task of the spec.
    pub(crate) fn undo_of(&self, task: u32) -> Option<u32> {
        self.has_undo().then(|| self.task_count() + task)
    }

    /// Whether a task is done as soon as it waits for nothing: it has no step, or would take back what did not succeed.
    pub(crate) fn has_nothing_to_run(&self, task: u32) -> bool {
        let undone = task.checked_sub(self.task_count());
        self.tasks[task as usize].run.is_none() || undone.is_some_and(|task| self.is_forgiven(task))
    }

    pub(crate) fn is_forgiven(&self, task: u32) -> bool {
        matches!(self.tasks[task as usize].phase, Phase::Forgiven { .. })
    }

    /// The undo step of a task of the spec, if it is awake and shown in the task's place.
    pub(crate) fn shown_undo(&self, task: u32) -> Option<u32> {
        let undo = self.undo_of(task)?;
        let is_awake = self.tasks[undo as usize].phase != Phase::Dormant;
        (is_awake && !self.is_forgiven(task)).then_some(undo)
    }

    /// Whether a success of this task is, or may yet be, undone.
    pub(crate) fn may_undo(&self, task: u32) -> bool {
        let undo = self
            .undo_of(task)
            .and_then(|undo| self.tasks.get(undo as usize));
        self.intent != Intent::Abandon && undo.is_some_and(|undo| undo.run.is_some())
    }

    /// Whether an undo step has had an attempt.
    pub(crate) fn has_begun_undo(&self) -> bool {
        self.counts.begun_undo > 0
    }

    /// Whether a finished task has an undo step with something to run.
    pub(crate) fn has_something_to_undo(&self) -> bool {
        let count = self.task_count() as usize;
        let (tasks, undo) = self.tasks.split_at(count.min(self.tasks.len()));
        tasks
            .iter()
            .zip(undo)
            .any(|(task, undo)| task.phase == Phase::Succeeded && undo.run.is_some())
    }

    /// Where a task of the spec stands, its undo step included, as people see it.
    pub(crate) fn task_state(&self, task: u32) -> TaskState {
        let undo = self.shown_undo(task);
        match undo.map(|undo| &self.tasks[undo as usize].phase) {
            None => self.tasks[task as usize].state(),
            Some(Phase::Succeeded) => TaskState::Undone,
            Some(phase) if phase.state().is_final() => TaskState::UndoFailed,
            Some(_) => TaskState::Undoing,
        }
    }

    fn has_failed_task(&self) -> bool {
        let mut tasks = self.tasks.iter();
        tasks.any(|task| task.kind != Kind::Undo && task.phase == Phase::Failed)
    }
}
