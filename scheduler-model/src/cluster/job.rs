//! A job: its intent, and its state as a function of that and of its tasks.

use std::sync::Arc;

use smallvec::SmallVec;

use super::task::Task;
use crate::{FailureRule, Intent, JobId, JobState, Priority, TaskState, Timestamp};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) id: JobId,
    /// Place in the order of arrival, for ties; given by [`super::jobs::Jobs::insert`].
    pub(crate) arrival: u64,
    pub(crate) queue: u32,
    pub(crate) priority: Priority,
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) submitted_at: Timestamp,
    pub(crate) failure_rule: FailureRule,
    pub(crate) intent: Intent,
    /// State and intent last written; follow [`Job::state`] and `intent`.
    pub(crate) written: (JobState, Intent),
    pub(crate) message: Option<Arc<str>>,
    pub(crate) traceparent: Option<Arc<str>>,
    /// Most jobs have one, which then needs no memory of its own.
    pub(crate) tasks: SmallVec<[Task; 1]>,
    /// `None` when no task needs another.
    pub(crate) edges: Option<Box<Dependents>>,
    pub(crate) counts: Counts,
}

/// How many tasks stand where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    /// Not final.
    pub(crate) open: u32,
    /// Have had an attempt.
    pub(crate) begun: u32,
    pub(crate) failed: u32,
    pub(crate) timed_out: u32,
    pub(crate) cancelled: u32,
}

impl Counts {
    pub(crate) fn end(&mut self, state: TaskState) {
        self.open -= 1;
        match state {
            TaskState::Failed | TaskState::UpstreamFailed => self.failed += 1,
            TaskState::TimedOut => self.timed_out += 1,
            TaskState::Cancelled => self.cancelled += 1,
            TaskState::Succeeded => {}
            open => panic!("{open} is not an end"),
        }
    }

    /// From nothing, for checking what is kept incrementally and for loading.
    pub(crate) fn recompute(tasks: &[Task]) -> Self {
        let mut counts = Self {
            open: tasks.len() as u32,
            ..Self::default()
        };
        for task in tasks {
            counts.begun += u32::from(task.attempt > 0);
            if task.state().is_final() {
                counts.end(task.state());
            }
        }
        counts
    }
}

impl Job {
    /// The one place that says where a job stands.
    pub(crate) fn state(&self) -> JobState {
        let Counts {
            open,
            begun,
            failed,
            timed_out,
            ..
        } = self.counts;
        if open > 0 {
            return if begun > 0 {
                JobState::Running
            } else {
                JobState::Queued
            };
        }
        match self.intent {
            Intent::Cancel => JobState::Cancelled,
            // Tasks that failed only because a limit passed upstream count as timed out with it.
            _ if timed_out > 0 && !self.has_failed_task() => JobState::TimedOut,
            _ if failed > 0 => JobState::Failed,
            _ => JobState::Succeeded,
        }
    }

    /// Who waits for a task: places for [`Job::dependent`].
    pub(crate) fn dependents(&self, task: u32) -> std::ops::Range<usize> {
        self.edges.as_ref().map_or(0..0, |edges| edges.range(task))
    }

    pub(crate) fn dependent(&self, place: usize) -> u32 {
        self.edges.as_ref().expect("a place was given").edge(place)
    }

    fn has_failed_task(&self) -> bool {
        self.tasks
            .iter()
            .any(|task| task.state() == TaskState::Failed)
    }
}

/// Who waits for whom, the other way round than `needs`, in one allocation for the whole job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dependents {
    /// Task `i` owns `edges[starts[i]..starts[i + 1]]`.
    starts: Box<[u32]>,
    edges: Box<[u32]>,
}

impl Dependents {
    /// `None` when no task needs another.
    pub(crate) fn of<'a>(needs: impl ExactSizeIterator<Item = &'a [u32]> + Clone) -> Option<Self> {
        let total: usize = needs.clone().map(<[u32]>::len).sum();
        if total == 0 {
            return None;
        }
        let mut starts = vec![0u32; needs.len() + 1];
        for needed in needs.clone().flatten() {
            starts[*needed as usize + 1] += 1;
        }
        for task in 1..starts.len() {
            starts[task] += starts[task - 1];
        }
        let mut next = starts.clone();
        let mut edges = vec![0u32; total];
        for (task, needs) in needs.enumerate() {
            for needed in needs {
                let place = &mut next[*needed as usize];
                edges[*place as usize] = task as u32;
                *place += 1;
            }
        }
        Some(Self {
            starts: starts.into(),
            edges: edges.into(),
        })
    }

    fn range(&self, task: u32) -> std::ops::Range<usize> {
        self.starts[task as usize] as usize..self.starts[task as usize + 1] as usize
    }

    fn edge(&self, place: usize) -> u32 {
        self.edges[place]
    }
}
