//! What a process has finished stays done, also when nobody wanted it any more.

use drover_model::{AttemptRow, AttemptState, Intent, JobSpec, Outcome};

use super::Checker;
use crate::faults::world::database::Database;

impl Checker {
    /// An attempt that was asked to stop and had succeeded by then is no cancelled one if somebody may want it undone:
    /// what the record does not know of is never undone. Only its agent knows; without its report nobody does.
    pub(super) fn success_counts(&mut self, spec: &JobSpec, row: &AttemptRow, database: &Database) {
        let task = spec.tasks.get(row.key.task as usize);
        let has_undo = task.is_some_and(|task| task.undo.is_some());
        let reported = row.message.is_none();
        let intent = database.jobs[&row.key.job].row.intent;
        if row.state != AttemptState::Cancelled
            || !has_undo
            || !reported
            || intent == Intent::Abandon
        {
            return;
        }
        let truth = self.truth.get(&row.key).copied().unwrap_or_default();
        let succeeded = truth
            .ended
            .is_some_and(|(outcome, _)| outcome == Outcome::Succeeded);
        self.require(!succeeded, "what was done can be undone", || {
            format!("{row:?} under intent {intent}, but {truth:?}")
        });
    }
}
