//! What the end of a task means for the others of its job.

use smallvec::{SmallVec, smallvec};

use super::{
    Cluster,
    jobs::{JobSlot, TaskRef},
    phase::{Kind, Phase},
};
use crate::{Effects, FailureRule, Intent, TaskState, Timestamp};

impl Cluster {
    /// A task has just come to its end.
    pub(super) fn settle(&mut self, now: Timestamp, at: TaskRef, effects: &mut Effects) {
        let job = self.jobs.get_mut(at.job);
        job.note_end(at.task);
        let task = &job.tasks[at.task as usize];
        let (kind, state) = (task.kind, task.phase.counts_as());
        job.counts.end(task);
        let goes_on = kind.goes_on(job.intent);
        self.tell(at, effects);
        match state {
            TaskState::Succeeded if goes_on => self.release_dependents(now, at, effects),
            TaskState::Succeeded => self.finish_whole(at, effects),
            TaskState::Failed | TaskState::TimedOut if goes_on => {
                self.fail_dependents(at, effects);
                if kind == Kind::Main {
                    self.follow_failure_rule(at.job, effects);
                }
            }
            _ => {}
        }
        self.follow_in_array(now, at, effects);
        self.advance(now, at.job, effects);
        self.write_job(at.job, now, effects);
    }

    fn follow_failure_rule(&mut self, slot: JobSlot, effects: &mut Effects) {
        let job = self.jobs.get_mut(slot);
        job.intent = match job.failure_rule {
            FailureRule::Continue => return,
            FailureRule::FailFast => Intent::Fail,
            FailureRule::Rollback => Intent::RollBack,
        };
        self.stop_rest(slot, Kind::Main, effects);
    }

    fn release_dependents(&mut self, now: Timestamp, at: TaskRef, effects: &mut Effects) {
        let mut line: SmallVec<[u32; 8]> = smallvec![at.task];
        while let Some(task) = line.pop() {
            for place in self.jobs.get(at.job).dependents(task) {
                let job = self.jobs.get_mut(at.job);
                let dependent = job.dependent(place);
                let waiting = &mut job.tasks[dependent as usize];
                // One that failed upstream through another need stays so.
                let Phase::Pending { unmet } = &mut waiting.phase else {
                    continue;
                };
                *unmet -= 1;
                if *unmet > 0 {
                    continue;
                }
                let dependent_at = TaskRef {
                    job: at.job,
                    task: dependent,
                };
                if !job.has_nothing_to_run(dependent) {
                    self.enqueue_and_tell(now, dependent_at, effects);
                } else {
                    let waiting = &mut job.tasks[dependent as usize];
                    waiting.become_done();
                    job.counts.end(waiting);
                    self.tell(dependent_at, effects);
                    line.push(dependent);
                }
            }
        }
    }

    /// Everything that needs the task, directly or not, never runs.
    fn fail_dependents(&mut self, at: TaskRef, effects: &mut Effects) {
        let mut line = vec![at.task];
        while let Some(task) = line.pop() {
            for place in self.jobs.get(at.job).dependents(task) {
                let job = self.jobs.get_mut(at.job);
                let dependent = job.dependent(place);
                let failing = &mut job.tasks[dependent as usize];
                if !matches!(failing.phase, Phase::Pending { .. }) {
                    continue;
                }
                failing.become_upstream_failed();
                job.counts.end(failing);
                self.tell(
                    TaskRef {
                        job: at.job,
                        task: dependent,
                    },
                    effects,
                );
                line.push(dependent);
            }
        }
    }
}
