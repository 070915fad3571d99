//! What a drain stops, when, and what that costs.

use drover_model::{AttemptRow, AttemptState, JobSpec, NodeName, Outcome, Timestamp};

use super::{Checker, step_of, view::View};
use crate::faults::{occasion::Occasion, world::database::Database};

impl Checker {
    /// Timers have fired: nothing runs undisturbed on a node whose time is up.
    pub(super) fn drains_in_time(&mut self, view: &View, now: Timestamp) {
        if view.careful {
            return;
        }
        for (name, host) in &view.hosts {
            if host.drained_at().is_none_or(|at| at > now) {
                continue;
            }
            let mut active = host.active.iter();
            let goes_on = active
                .find(|(_, state)| matches!(state, AttemptState::Assigned | AttemptState::Running));
            self.require(goes_on.is_none(), "a drain ends in time", || {
                format!("{goes_on:?} on {name}, {:?} at {now:?}", host.admission)
            });
        }
    }

    /// Since when the node had to be empty, if it still has to.
    pub fn drained_at(&self, coordinator: usize, node: &NodeName) -> Option<Timestamp> {
        let view = self.views.get(coordinator)?.as_ref()?;
        view.hosts.get(node)?.drained_at()
    }

    /// Deadline and grace are over, and its agent was there all the time.
    pub fn is_drained(&mut self, agent: usize, node: &NodeName, database: &Database) {
        let promise = "a drained node is empty";
        let mut here = self.truth.iter().filter(|(_, truth)| truth.runs_on(agent));
        let running = here.next().map(|(key, _)| *key);
        self.require(running.is_none(), promise, || {
            format!("{running:?} still runs on {node}")
        });
        let held = self.active.get(node).into_iter().flatten().next().copied();
        self.require(held.is_none(), promise, || {
            let row = held.and_then(|key| database.attempts.get(&key));
            format!("{node} still holds {row:?}")
        });
    }

    /// What was asked to make room for a drain counts neither as failed nor as lost, unless it was by itself.
    pub(super) fn costs_nothing(&mut self, spec: &JobSpec, row: &AttemptRow) {
        if row.from != Some(AttemptState::StoppingRequeue) || !row.state.is_final() {
            return;
        }
        let truth = self.truth.get(&row.key).copied().unwrap_or_default();
        let ended = truth.ended.map(|(outcome, _)| outcome);
        let repeatable =
            step_of(spec, row.key.task).is_some_and(|step| step.rules.retry.rerun_lost);
        let holds = match row.state {
            AttemptState::Failed => ended == Some(Outcome::Failed),
            AttemptState::TimedOut => ended == Some(Outcome::Stalled),
            AttemptState::Lost => {
                !repeatable || self.reported.get(&row.key) == Some(&Outcome::Fenced)
            }
            _ => true,
        };
        self.require(holds, "a drain costs no retries", || {
            format!("{row:?}, but {truth:?}")
        });
    }

    /// Its row does not tell: it says why it was asked to stop.
    pub(super) fn note_given_up(&mut self, row: &AttemptRow) {
        if row.state == AttemptState::Requeued && !self.reported.contains_key(&row.key) {
            self.given_up.insert(row.key);
        }
    }

    pub(super) fn count_drained(&mut self, view: &View, row: &AttemptRow) {
        if row.state != AttemptState::StoppingRequeue {
            return;
        }
        let host = view.hosts.get(&row.node);
        let host = host.filter(|host| host.drained_at().is_some());
        if host.is_some() {
            self.occasions.push(Occasion::DrainDue);
        }
        if host.is_some_and(|host| host.changed_by.is_none()) {
            self.occasions.push(Occasion::DrainDueElsewhere);
        }
    }
}
