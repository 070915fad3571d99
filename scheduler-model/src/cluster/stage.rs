//! The stages of a job: its tasks, then the undo steps of what had finished if it is rolled back, then its `finally`
//! tasks. What never ran has no record, so live and after a load its state is derived by the same functions here.

use super::{
    Cluster,
    job::{Counts, Job},
    jobs::{JobSlot, TaskRef},
    phase::{Kind, Phase},
    task::Task,
};
use crate::{Effects, Intent, TaskState, Timestamp};

impl Cluster {
    /// Begins the stages that are due, when the one before is over.
    pub(super) fn advance(&mut self, now: Timestamp, slot: JobSlot, effects: &mut Effects) {
        while let Some(stage) = self.jobs.get(slot).next_stage() {
            let job = self.jobs.get_mut(slot);
            job.begin(stage);
            job.counts = Counts::recompute(&job.tasks);
            self.queue_what_is_ready(now, slot);
            self.tell_begun(slot, stage, effects);
        }
    }

    fn tell_begun(&mut self, slot: JobSlot, stage: Kind, effects: &mut Effects) {
        for task in 0..self.jobs.get(slot).tasks.len() as u32 {
            let begun = &self.jobs.get(slot).tasks[task as usize];
            if begun.kind == stage && begun.phase != Phase::Dormant {
                self.tell(TaskRef { job: slot, task }, effects);
            }
        }
    }
}

impl Job {
    /// The stage that follows, once nothing of this one is open.
    pub(super) fn next_stage(&self) -> Option<Kind> {
        if self.counts.open[self.stage as usize] > 0 {
            return None;
        }
        let undoes = match self.intent {
            Intent::RollBack => true,
            Intent::Abandon => self.has_begun_undo(),
            _ => false,
        };
        match self.stage {
            Kind::Main if undoes => Some(Kind::Undo),
            Kind::Main | Kind::Undo if self.counts.finally > 0 => Some(Kind::Finally),
            _ => None,
        }
    }

    /// Wakes what the stage has to run.
    pub(super) fn begin(&mut self, stage: Kind) {
        self.stage = stage;
        match stage {
            Kind::Main => {}
            Kind::Undo => self.wake_undo(),
            Kind::Finally => self.wake_finally(),
        }
        self.settle_what_never_ran(stage);
    }

    /// What has not succeeded needs no undo, and nobody waits for it. What was forgiven needs none either, but hands on the
    /// order of what it stood between.
    fn wake_undo(&mut self) {
        let count = self.task_count();
        for task in 0..count.min(self.tasks.len() as u32 - count) {
            let Task { kind, phase, .. } = self.tasks[task as usize];
            if (kind, phase.counts_as()) != (Kind::Main, TaskState::Succeeded) {
                continue;
            }
            let undo = count + task;
            let needed = |needed: &&u32| {
                let needed = &self.tasks[(**needed - count) as usize];
                needed.phase.counts_as() == TaskState::Succeeded
            };
            let unmet = self.needs(undo).iter().filter(needed).count() as u32;
            self.wake(undo, unmet);
        }
    }

    fn wake_finally(&mut self) {
        for task in 0..self.tasks.len() as u32 {
            if self.tasks[task as usize].kind == Kind::Finally {
                let unmet = self.needs(task).len() as u32;
                self.wake(task, unmet);
            }
        }
    }

    /// One that has had an attempt was awake before a load.
    fn wake(&mut self, task: u32, unmet: u32) {
        let task = &mut self.tasks[task as usize];
        if task.phase == Phase::Dormant {
            task.become_pending(unmet);
        }
    }

    /// Tasks of a kind that have had no attempt: their state follows from what they need and from the job's intent, in
    /// this order, which is the order in which it happened.
    pub(super) fn settle_what_never_ran(&mut self, kind: Kind) {
        self.settle_gangs(kind);
        self.settle_arrays();
        let mut done: Vec<u32> = Vec::new();
        let mut failed: Vec<u32> = Vec::new();
        for (place, task) in (0..).zip(&self.tasks) {
            match task.phase {
                _ if task.kind != kind => {}
                Phase::Succeeded | Phase::Forgiven { .. } => done.push(place),
                Phase::Failed | Phase::TimedOut => failed.push(place),
                _ => {}
            }
        }
        done.extend(self.finish_what_is_nothing(kind));
        while let Some(task) = done.pop() {
            done.extend(self.count_down_dependents(task));
        }
        while let Some(task) = failed.pop() {
            for place in self.dependents(task) {
                let dependent = self.dependent(place);
                let failing = &mut self.tasks[dependent as usize];
                if matches!(failing.phase, Phase::Pending { .. }) {
                    failing.become_upstream_failed();
                    failed.push(dependent);
                }
            }
        }
        if !kind.goes_on(self.intent) {
            let waits =
                |task: &&mut Task| task.kind == kind && matches!(task.phase, Phase::Pending { .. });
            self.tasks
                .iter_mut()
                .filter(waits)
                .for_each(Task::become_cancelled);
        }
    }

    /// Tasks with nothing to run that wait for nothing are done.
    fn finish_what_is_nothing(&mut self, kind: Kind) -> Vec<u32> {
        let mut done = Vec::new();
        for place in 0..self.tasks.len() as u32 {
            let task = &self.tasks[place as usize];
            let waits_for_nothing = matches!(task.phase, Phase::Pending { unmet: 0, .. });
            if task.kind == kind && waits_for_nothing && self.has_nothing_to_run(place) {
                self.tasks[place as usize].become_done();
                done.push(place);
            }
        }
        done
    }

    /// Returns those that this has finished, because they have nothing to run.
    fn count_down_dependents(&mut self, task: u32) -> Vec<u32> {
        let mut done = Vec::new();
        for place in self.dependents(task) {
            let dependent = self.dependent(place);
            let waiting = &mut self.tasks[dependent as usize];
            let Phase::Pending { unmet } = &mut waiting.phase else {
                continue;
            };
            *unmet -= 1;
            if *unmet == 0 && self.has_nothing_to_run(dependent) {
                self.tasks[dependent as usize].become_done();
                done.push(dependent);
            }
        }
        done
    }

    /// What an abandoned job leaves undone. Steps of which none has begun were never there.
    pub(super) fn forget_undo(&mut self) {
        if self.has_begun_undo() {
            return;
        }
        let undo = |task: &&mut Task| task.kind == Kind::Undo;
        self.tasks
            .iter_mut()
            .filter(undo)
            .for_each(Task::become_dormant);
    }

    /// Where the whole job was, from the record of what ran.
    pub(super) fn resume_stages(&mut self) {
        self.settle_what_never_ran(Kind::Main);
        self.counts = Counts::recompute(&self.tasks);
        while let Some(stage) = self.next_stage() {
            self.begin(stage);
            self.counts = Counts::recompute(&self.tasks);
        }
    }
}
