//! What holds whatever happens, judged by the record alone.

use drover_model::{
    AttemptRow, AttemptState, Group, GroupKind, Intent, JobId, JobSpec, JobState, Resources,
    StepSpec,
};

use super::{History, NODES};
use crate::support::{Turned, cpus};

impl History {
    /// From the record alone: what is active on a node never asks for more than it has.
    pub(super) fn assert_capacity(&self) {
        for (name, cpu) in NODES {
            let mut used = Resources::ZERO;
            let stored = &self.world.store;
            let active = stored
                .attempts
                .values()
                .filter(|row| &*row.node == name && !row.state.is_final());
            for row in active {
                used.add(&step_of(&stored.specs[&row.key.job], row.key.task).resources);
            }
            assert!(
                used.fits(&cpus(cpu)),
                "{name} has {cpu} cpu and holds {used:?}"
            );
        }
    }

    /// From the record alone: nothing starts before what it needs has succeeded, nothing is undone that has not
    /// succeeded or on which something not yet undone was built, and what comes last comes last.
    pub(super) fn assert_order(&self, turned: &Turned) {
        for row in turned.rows.attempts.iter().filter(|row| row.from.is_none()) {
            let (job, task) = (row.key.job, row.key.task);
            let spec = &self.world.store.specs[&job];
            let count = spec.tasks.len() as u32;
            if task >= count {
                self.assert_undo_order(job, task - count);
                continue;
            }
            for needed in &self.needs[&job][task as usize] {
                assert!(
                    self.has_succeeded(job, *needed),
                    "{:?} before task {needed}",
                    row.key
                );
            }
            if spec.tasks[task as usize].finally {
                for other in 0..2 * count {
                    let is_last = spec.tasks[(other % count) as usize].finally;
                    assert!(
                        is_last || self.is_over(job, other),
                        "{:?} before {other}",
                        row.key
                    );
                }
            }
        }
    }

    /// From the record alone: members of a gang start in one turn, all of them, with one number.
    pub(super) fn assert_gangs(&self, turned: &Turned) {
        let started = || turned.rows.attempts.iter().filter(|row| row.from.is_none());
        for row in started().filter(|row| row.state == AttemptState::Assigned) {
            let groups = &self.world.store.specs[&row.key.job].groups;
            let is_gang = |group: &&Group| matches!(group.kind, GroupKind::Gang { .. });
            let gangs = groups.iter().filter(is_gang);
            for gang in gangs.filter(|gang| gang.contains(row.key.task)) {
                let together = started().filter(|other| {
                    other.key.job == row.key.job
                        && gang.contains(other.key.task)
                        && other.key.attempt == row.key.attempt
                });
                assert_eq!(together.count() as u32, gang.count, "{:?}", row.key);
            }
        }
    }

    fn assert_undo_order(&self, job: JobId, task: u32) {
        assert!(
            self.has_succeeded(job, task),
            "{job}: {task} has nothing to undo"
        );
        self.assert_undone_after(job, task);
    }

    fn assert_undone_after(&self, job: JobId, task: u32) {
        let spec = &self.world.store.specs[&job];
        let count = spec.tasks.len() as u32;
        for (later, needs) in (0..).zip(&self.needs[&job]) {
            if !needs.contains(&task) {
                continue;
            }
            let has_undo = spec.tasks[later as usize].undo.is_some();
            match self.has_succeeded(job, later) {
                true if has_undo => {
                    let undone = self.has_succeeded(job, count + later);
                    assert!(undone, "{job}: {task} is undone before {later}");
                }
                // Nothing to run for this one; but whatever was built on it comes first as well.
                true => self.assert_undone_after(job, later),
                false if self.is_forgiven(job, later) => self.assert_undone_after(job, later),
                false => {}
            }
        }
    }

    /// The group that a task stands for.
    fn group_of(&self, job: JobId, task: u32) -> Option<Group> {
        let groups = &self.world.store.specs[&job].groups;
        groups.iter().copied().find(|group| group.whole() == task)
    }

    /// None of its attempts is active or will be followed.
    fn is_over(&self, job: JobId, task: u32) -> bool {
        let given_up = self.world.store.jobs[&job].0.intent != Intent::Run;
        self.last(job, task).is_none_or(|row| {
            let is_last = row.retry_at.is_none() || given_up || self.is_dissolved(job, task);
            row.state.is_final() && is_last
        })
    }

    fn last(&self, job: JobId, task: u32) -> Option<&AttemptRow> {
        let mut attempts = self.world.store.attempts.values();
        attempts.rfind(|row| (row.key.job, row.key.task) == (job, task))
    }

    /// Another member of its gang has failed for good: what was to be followed is not.
    fn is_dissolved(&self, job: JobId, task: u32) -> bool {
        let groups = self.world.store.specs[&job].groups.iter();
        let mut gangs = groups.filter(|group| matches!(group.kind, GroupKind::Gang { .. }));
        let gang = gangs.find(|gang| gang.contains(task));
        gang.is_some_and(|gang| {
            (gang.first..gang.whole()).any(|member| {
                self.last(job, member).is_some_and(|row| {
                    let has_failed = row.state.is_final() && row.state != AttemptState::Succeeded;
                    has_failed && row.retry_at.is_none()
                })
            })
        })
    }

    pub(super) fn has_succeeded(&self, job: JobId, task: u32) -> bool {
        if let Some(group) = self.group_of(job, task) {
            let mut instances = group.first..group.whole();
            return match group.kind {
                GroupKind::Gang { .. } => instances.all(|task| self.has_succeeded(job, task)),
                GroupKind::Array { max_failed, .. } => self.is_array_done(job, &group, max_failed),
            };
        }
        let attempts = self.world.store.attempts.values();
        attempts
            .filter(|row| (row.key.job, row.key.task) == (job, task))
            .any(|row| row.state == AttemptState::Succeeded)
    }

    pub(crate) fn assert_record(&self) {
        let stored = &self.world.store;
        for (id, (row, fixed)) in &stored.jobs {
            assert!(row.state.is_final(), "job {id}");
            if row.intent == Intent::Cancel {
                assert_eq!(row.state, JobState::Cancelled, "job {id}");
            }
            if row.state == JobState::Succeeded {
                self.assert_forgiven(*id);
            }
            for task in 0..2 * fixed.task_count {
                let attempts: Vec<_> = stored
                    .attempts
                    .values()
                    .filter(|attempt| (attempt.key.job, attempt.key.task) == (*id, task))
                    .collect();
                let numbers: Vec<u32> =
                    attempts.iter().map(|attempt| attempt.key.attempt).collect();
                assert!(
                    numbers.iter().copied().eq(1..=numbers.len() as u32),
                    "{id} {task}: {numbers:?}"
                );
                let successes = attempts
                    .iter()
                    .filter(|attempt| attempt.state == AttemptState::Succeeded);
                assert!(successes.count() <= 1, "{id} {task} succeeded twice");
            }
        }
    }
}

fn step_of(spec: &JobSpec, task: u32) -> &StepSpec {
    match spec.tasks.get(task as usize) {
        Some(task) => task
            .step
            .as_ref()
            .expect("what stands for others has no attempts"),
        None => {
            let task = &spec.tasks[task as usize - spec.tasks.len()];
            task.undo.as_ref().expect("only undo steps have attempts")
        }
    }
}
