//! Which attempt follows another, and when none does.

use drover_model::{AttemptRow, AttemptState, Intent, JobRow, JobSpec, RetryRule};

use super::{
    Checker,
    groups::gang_of,
    history, step_of,
    view::{View, first_of},
};
use crate::faults::world::database::Database;

impl Checker {
    pub(super) fn is_numbered_next(
        &mut self,
        spec: &JobSpec,
        row: &AttemptRow,
        database: &Database,
    ) {
        let before = row.key.attempt - 1;
        let mut others = database.attempts_at(row.key.job, row.key.task);
        let previous = others.find(|other| other.key.attempt == before);
        let in_order = before == 0 || previous.is_some();
        self.require(in_order, "attempts are numbered without gaps", || {
            format!("{row:?}")
        });
        if let Some(previous) = previous {
            let over = previous.state.is_final() && previous.state != AttemptState::Succeeded;
            self.require(over, "no task succeeds twice", || {
                format!("{row:?} after {previous:?}")
            });
            self.require(
                previous.retry_at.is_some_and(|at| at <= row.assigned_at),
                "retries follow the rule",
                || format!("{row:?} after {previous:?}"),
            );
            let step = step_of(spec, row.key.task);
            let repeatable = step.is_none_or(|step| step.rules.retry.rerun_lost);
            let ran = self.truth.contains_key(&previous.key);
            self.require(repeatable || !ran, "retries follow the rule", || {
                format!("{row:?} after {previous:?}, which may not run twice")
            });
        }
    }

    pub(super) fn follows_rule(&mut self, spec: &JobSpec, row: &AttemptRow, database: &Database) {
        let Some(step) = step_of(spec, row.key.task) else {
            return self.fail("attempts belong to steps", format!("{row:?}"));
        };
        let expired = row.state == AttemptState::Expired;
        let may_expire = step.rules.start_timeout_ms.is_some() && row.node.is_empty();
        self.require(!expired || may_expire, "limits are as asked for", || {
            format!("{row:?}")
        });
        let Some(retry_at) = row.retry_at else {
            return;
        };
        let rule = &step.rules.retry;
        let gang = gang_of(spec, row.key.task);
        let places = gang.map_or(row.key.task..row.key.task + 1, |gang| {
            gang.first..gang.whole()
        });
        let rows: Vec<&AttemptRow> = places
            .flat_map(|place| database.attempts_at(row.key.job, place))
            .collect();
        let count = |wanted: &[AttemptState]| {
            let retried = rows.iter().filter(|row| row.retry_at.is_some());
            retried.filter(|row| wanted.contains(&row.state)).count() as u32
        };
        let failures = count(&[AttemptState::Failed, AttemptState::TimedOut]);
        let losses = count(&[AttemptState::Lost]);
        let allowed = match row.state {
            AttemptState::Failed => allows(rule, row.exit_code),
            AttemptState::TimedOut => true,
            AttemptState::Lost => rule.rerun_lost,
            // A member of a gang is given back before it is known whether the gang may start again.
            AttemptState::Requeued => {
                rule.rerun_lost || gang.is_some() || !self.truth.contains_key(&row.key)
            }
            _ => false,
        };
        let in_time = retry_at.since(self.model_time) <= rule.max_backoff_ms;
        let often = failures > rule.retries || losses >= rule.max_lost;
        let holds = allowed && in_time && !often;
        let rule = rule.clone();
        self.require(holds, "retries follow the rule", || {
            format!("{rule:?}:{}", history(rows.into_iter()))
        });
    }

    /// Another attempt follows wherever the rule allows it and the job goes on.
    pub(super) fn keeps_its_retries(
        &mut self,
        view: &View,
        spec: &JobSpec,
        row: &AttemptRow,
        jobs: &[JobRow],
    ) {
        let ended = row.from.is_some() && row.state.is_final() && row.retry_at.is_none();
        let Some(intent) = view.intent(row.key.job).filter(|_| ended) else {
            return;
        };
        let mut written = jobs.iter().filter(|job| job.id == row.key.job);
        let changes = written.any(|job| job.intent != intent);
        let Some(step) = step_of(spec, row.key.task).filter(|_| !changes) else {
            return;
        };
        let rule = &step.rules.retry;
        let has_left = view.failures(row.key.job, first_of(spec, row.key.task)) < rule.retries;
        let deserved = match row.state {
            AttemptState::Failed => has_left && allows(rule, row.exit_code),
            AttemptState::TimedOut => has_left,
            AttemptState::Requeued => true,
            _ => false,
        };
        let lost = deserved && goes_on(spec, row.key.task, intent);
        self.require(!lost, "no retry is lost", || {
            format!("{row:?} under {rule:?} and intent {intent}")
        });
    }
}

/// Whether a job with this intent starts such a step.
pub(super) fn goes_on(spec: &JobSpec, place: u32, intent: Intent) -> bool {
    match spec.tasks.get(place as usize) {
        Some(task) if task.finally => intent != Intent::Abandon,
        Some(_) => intent == Intent::Run,
        None => intent == Intent::RollBack,
    }
}

fn allows(rule: &RetryRule, exit_code: Option<i32>) -> bool {
    let listed = |codes: &[i32]| exit_code.is_some_and(|code| codes.contains(&code));
    let wanted = rule.exit_codes.is_empty() || exit_code.is_none() || listed(&rule.exit_codes);
    wanted && !listed(&rule.fatal_exit_codes)
}
