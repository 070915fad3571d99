//! The life of an array: how many of its instances are under way, and which of their failures are forgiven.

use super::{Cluster, group::Group, job::Job, jobs::TaskRef, phase::Phase, task::Task};
use crate::{Effects, GroupKind, TaskState, Timestamp};

impl Group {
    /// How many instances may be under way, and how many may fail. Of a gang all, and none.
    fn limits(&self) -> (u32, u32) {
        match self.spec.kind {
            GroupKind::Array {
                parallel,
                max_failed,
            } => (parallel, max_failed),
            GroupKind::Gang { .. } => (u32::MAX, 0),
        }
    }

    /// The same with its counts from nothing.
    fn recount(self, tasks: &[Task]) -> Self {
        let is_array = matches!(self.spec.kind, GroupKind::Array { .. });
        let mut counted = Self {
            under_way: 0,
            failed: 0,
            done: 0,
            ..self
        };
        for Task { phase, .. } in &tasks[self.instances()] {
            let has_failed = phase.is_failure() || matches!(phase, Phase::Forgiven { .. });
            counted.under_way += u32::from(is_array && phase.is_under_way());
            counted.failed += u32::from(is_array && has_failed);
            counted.done += u32::from(phase.counts_as() == TaskState::Succeeded);
        }
        counted
    }

    fn instances(&self) -> std::ops::Range<usize> {
        self.spec.first as usize..self.spec.whole() as usize
    }
}

impl Job {
    fn array_place(&self, task: u32) -> Option<usize> {
        let place = self.group_place(task)?;
        matches!(self.groups()[place].spec.kind, GroupKind::Array { .. }).then_some(place)
    }

    /// Whether a task that could be queued may be: it is no instance of an array, or takes a place in it. Otherwise it
    /// gathers, and follows when another has ended.
    pub(super) fn enter_array(&mut self, task: u32) -> bool {
        // After a backoff it has its place still.
        let is_new = matches!(self.tasks[task as usize].phase, Phase::Pending { .. });
        let Some(place) = self.array_place(task).filter(|_| is_new) else {
            return true;
        };
        let array = self.group_mut(place);
        let enters = array.under_way < array.limits().0;
        if enters {
            array.under_way += 1;
        } else {
            self.tasks[task as usize].become_gathering();
        }
        enters
    }

    /// One that had been queued goes on no more: another may take its place.
    pub(super) fn leave_array(&mut self, task: u32) {
        if let Some(place) = self.array_place(task) {
            self.group_mut(place).under_way -= 1;
        }
    }

    /// The instance whose turn it is in the array of another that has left it. It takes its place.
    fn next_of_array(&mut self, task: u32) -> Option<u32> {
        let place = self.array_place(task)?;
        let Group { spec, mut next, .. } = *self.group_mut(place);
        // Nothing gathers behind it any more: instances become ready in their order.
        while next < spec.whole() && !self.tasks[next as usize].phase.is_ahead() {
            next += 1;
        }
        let follows = next < spec.whole() && self.tasks[next as usize].phase == Phase::Gathering;
        let array = self.group_mut(place);
        array.next = next;
        array.under_way += u32::from(follows);
        follows.then_some(next)
    }

    /// A task has come to its end. Within the limit of its array a failure is forgiven; beyond it none is.
    pub(super) fn note_end(&mut self, task: u32) {
        let Some(place) = self.group_place(task) else {
            return;
        };
        match self.tasks[task as usize].phase {
            Phase::Succeeded => self.group_mut(place).done += 1,
            Phase::Failed | Phase::TimedOut if self.array_place(task).is_some() => {
                self.note_failure(place, task);
            }
            _ => {}
        }
    }

    fn note_failure(&mut self, place: usize, task: u32) {
        let array = self.group_mut(place);
        let max_failed = array.limits().1;
        array.failed += 1;
        if array.failed <= max_failed {
            array.done += 1;
            self.tasks[task as usize].become_forgiven();
        } else if array.failed == max_failed + 1 {
            array.done -= max_failed;
            self.forgive_nothing(place);
        }
    }

    fn forgive_nothing(&mut self, place: usize) {
        for instance in self.group_mut(place).instances() {
            let task = &mut self.tasks[instance];
            if let Phase::Forgiven { .. } = task.phase {
                task.become_unforgiven();
                self.counts.blame(task.state());
            }
        }
    }

    /// The task that stands for all, if it was cancelled before the last of them was done after all.
    fn done_though_cancelled(&self, task: u32) -> Option<u32> {
        let group = self.group_of(task)?;
        let whole = group.spec.whole();
        let is_cancelled = self.tasks[whole as usize].phase == Phase::Cancelled;
        (group.done == group.spec.count && is_cancelled).then_some(whole)
    }

    /// What follows for arrays from what has become of their instances, all of it known at once.
    pub(super) fn settle_arrays(&mut self) {
        for place in 0..self.groups().len() {
            let array = *self.group_mut(place);
            let instances = &mut self.tasks[array.instances()];
            let failed = instances.iter().filter(|task| task.phase.is_failure());
            if failed.count() as u32 <= array.limits().1 {
                let failed = instances.iter_mut().filter(|task| task.phase.is_failure());
                failed.for_each(Task::become_forgiven);
            }
            *self.group_mut(place) = array.recount(&self.tasks);
        }
    }

    /// For checks: what is kept of arrays, against the same from scratch.
    pub(super) fn assert_arrays(&self) {
        for array in self.groups() {
            assert_eq!(
                *array,
                array.recount(&self.tasks),
                "a group of job {}",
                self.id
            );
            if matches!(array.spec.kind, GroupKind::Gang { .. }) {
                continue;
            }
            let phases = || {
                let instances = &self.tasks[array.instances()];
                instances.iter().map(|task| &task.phase)
            };
            let (parallel, max_failed) = array.limits();
            assert!(array.under_way <= parallel, "{array:?}");
            let first = phases().position(|phase| *phase == Phase::Gathering);
            assert!(
                first.is_none_or(|first| {
                    array.under_way == parallel && array.spec.first + first as u32 >= array.next
                }),
                "instance {first:?} waits in vain: {array:?} of job {}",
                self.id
            );
            let forgiven = phases().filter(|phase| matches!(phase, Phase::Forgiven { .. }));
            let expected = if array.failed <= max_failed {
                array.failed
            } else {
                0
            };
            assert_eq!(forgiven.count() as u32, expected, "forgiven of {array:?}");
        }
    }
}

impl Cluster {
    /// A task has ended. If it was an instance of an array, the next may start.
    pub(super) fn follow_in_array(&mut self, now: Timestamp, at: TaskRef, effects: &mut Effects) {
        let job = self.jobs.get_mut(at.job);
        job.leave_array(at.task);
        let kind = job.tasks[at.task as usize].kind;
        if !kind.goes_on(job.intent) {
            return;
        }
        if let Some(task) = job.next_of_array(at.task) {
            let next = TaskRef { job: at.job, task };
            self.queue(now, next);
            self.tell(next, effects);
        }
    }

    /// A task was done though its job had been stopped. If that was the last of its group, all of it is.
    pub(super) fn finish_whole(&mut self, at: TaskRef, effects: &mut Effects) {
        let job = self.jobs.get_mut(at.job);
        if let Some(task) = job.done_though_cancelled(at.task) {
            job.tasks[task as usize].become_done_after_all();
            self.tell(TaskRef { job: at.job, task }, effects);
        }
    }
}
