//! What may begin when: the graph, then what is undone, in reverse, then what runs last.

use drover_model::{AttemptRow, AttemptState, Intent, JobId, JobRow, JobSpec};

use super::{
    Checker,
    groups::{gang_of, has_succeeded, is_dissolved},
    history, step_of,
};
use crate::faults::world::database::Database;

impl Checker {
    /// A new attempt stands in the record.
    pub(super) fn may_begin(&mut self, spec: &JobSpec, row: &AttemptRow, database: &Database) {
        let count = spec.tasks.len() as u32;
        match spec.tasks.get(row.key.task as usize) {
            Some(task) => {
                let unmet = task
                    .needs
                    .iter()
                    .find(|needed| !has_succeeded(spec, database, row.key.job, **needed));
                self.require(unmet.is_none(), "the order of the graph is kept", || {
                    format!("{row:?} before task {unmet:?}")
                });
                if task.finally {
                    self.comes_last(spec, row, database);
                } else {
                    self.is_meant_to_run(row, database);
                }
            }
            None => self.may_undo(spec, row.key.task - count, row, database),
        }
    }

    /// In the turn of its first attempt a job may be stopped again; the attempt is then asked to stop at once.
    fn is_meant_to_run(&mut self, row: &AttemptRow, database: &Database) {
        let intent = database.jobs[&row.key.job].row.intent;
        let begins = matches!(row.state, AttemptState::Assigned | AttemptState::Running);
        self.require(
            intent == Intent::Run || !begins,
            "what is stopped begins nothing",
            || format!("{row:?} under intent {intent}"),
        );
    }

    fn may_undo(&mut self, spec: &JobSpec, task: u32, row: &AttemptRow, database: &Database) {
        let job = row.key.job;
        let promise = "undo steps run in reverse order";
        let count = spec.tasks.len() as u32;
        let undone =
            has_succeeded(spec, database, job, task) && spec.tasks[task as usize].undo.is_some();
        self.require(undone, promise, || {
            format!("{row:?}, but there is nothing to undo")
        });
        let intent = database.jobs[&job].row.intent;
        let meant = matches!(intent, Intent::RollBack | Intent::Abandon);
        self.require(meant, promise, || format!("{row:?} under intent {intent}"));
        let running = (0..count).find(|main| {
            let last = database.attempts_at(job, *main).next_back();
            !spec.tasks[*main as usize].finally && last.is_some_and(|row| !row.state.is_final())
        });
        self.require(running.is_none(), promise, || {
            format!("{row:?} while task {running:?} runs")
        });
        for later in dependents(spec, task) {
            let to_undo = spec.tasks[later as usize].undo.is_some()
                && has_succeeded(spec, database, job, later);
            let done = !to_undo || has_succeeded(spec, database, job, count + later);
            self.require(done, promise, || {
                format!("{row:?} before the undo step of task {later}")
            });
        }
    }

    /// Everything else has ended.
    fn comes_last(&mut self, spec: &JobSpec, row: &AttemptRow, database: &Database) {
        let count = spec.tasks.len() as u32;
        let job = row.key.job;
        let waits = (0..2 * count).find(|place| {
            let finally = spec.tasks[(*place % count) as usize].finally;
            !finally && self.may_still_run(spec, job, *place, database)
        });
        self.require(waits.is_none(), "finally tasks come last", || {
            format!(
                "{row:?} before step {waits:?}:{}",
                history(database.attempts_of(job))
            )
        });
    }

    /// By the record alone: it runs, or it waits and nothing keeps it from running.
    fn may_still_run(&self, spec: &JobSpec, job: JobId, place: u32, database: &Database) -> bool {
        let count = spec.tasks.len() as u32;
        let intent = database.jobs[&job].row.intent;
        let last = database.attempts_at(job, place).next_back();
        let undo = place >= count;
        let is_over = gang_of(spec, place).is_some_and(|gang| is_dissolved(gang, database, job));
        if step_of(spec, place).is_none() || is_over {
            return last.is_some_and(|last| !last.state.is_final());
        }
        let stage_goes_on = match undo {
            false => intent == Intent::Run,
            true => intent == Intent::RollBack,
        };
        match last {
            Some(last) if !last.state.is_final() => true,
            Some(last) => last.retry_at.is_some() && stage_goes_on,
            None if undo => {
                stage_goes_on
                    && spec.tasks[(place - count) as usize].undo.is_some()
                    && has_succeeded(spec, database, job, place - count)
                    && dependents(spec, place - count).into_iter().all(|later| {
                        spec.tasks[later as usize].undo.is_none()
                            || !has_succeeded(spec, database, job, later)
                            || has_succeeded(spec, database, job, count + later)
                    })
            }
            None => {
                let needs = &spec.tasks[place as usize].needs;
                stage_goes_on
                    && needs
                        .iter()
                        .all(|needed| has_succeeded(spec, database, job, *needed))
            }
        }
    }

    /// Whatever happened: each has succeeded, or has failed for good, or needs one that did.
    pub(super) fn finally_tasks_ran(&mut self, row: &JobRow, spec: &JobSpec, database: &Database) {
        for (place, task) in (0..).zip(&spec.tasks) {
            if !task.finally || task.step.is_none() {
                continue;
            }
            let gang = gang_of(spec, place);
            let is_over = gang.is_some_and(|gang| is_dissolved(gang, database, row.id));
            let last = database.attempts_at(row.id, place).next_back();
            let ran = last.is_some_and(|last| last.state.is_final() && last.retry_at.is_none());
            let kept_away = task
                .needs
                .iter()
                .any(|needed| !has_succeeded(spec, database, row.id, *needed));
            self.require(
                ran || kept_away || is_over,
                "finally tasks run whatever happened",
                || {
                    format!(
                        "{row:?}: task {place} did not:{}",
                        history(database.attempts_of(row.id))
                    )
                },
            );
        }
    }
}

/// Everything that needs the task, directly or not.
fn dependents(spec: &JobSpec, task: u32) -> Vec<u32> {
    let mut found = Vec::new();
    let mut line = vec![task];
    while let Some(task) = line.pop() {
        for (place, other) in (0..).zip(&spec.tasks) {
            if other.needs.contains(&task) && !found.contains(&place) {
                found.push(place);
                line.push(place);
            }
        }
    }
    found
}
