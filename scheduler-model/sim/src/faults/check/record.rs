//! What a commit may change.

use drover_model::{
    AttemptRow, AttemptState, Epoch, Intent, JobRow, JobSpec, JobState, Outcome, turn::SealedTurn,
};

use super::{
    Checker,
    groups::{gang_of, has_succeeded, is_forgiven},
    history, step_of,
    tally::Tally,
};
use crate::faults::world::database::Database;

impl Checker {
    pub fn epoch_begins(&mut self, epoch: Epoch) {
        let before = self.epoch;
        self.require(epoch > before, "epochs grow", || {
            format!("{epoch:?} after {before:?}")
        });
        self.epoch = epoch;
    }

    /// A turn has been written; `database` shows it.
    pub fn committed(&mut self, turn: &SealedTurn, database: &Database) {
        let newest = self.epoch;
        self.require(
            turn.epoch == newest,
            "a deposed leader writes nothing",
            || format!("epoch {:?} wrote under {newest:?}", turn.epoch),
        );
        let before = self.model_time;
        self.require(
            turn.model_time >= before,
            "model time never goes back",
            || format!("{:?} after {before:?}", turn.model_time),
        );
        self.model_time = turn.model_time;
        self.policy_decides(turn);
        for row in &turn.attempts {
            self.attempt_written(row, database);
        }
        for row in &turn.jobs {
            self.job_written(row, database);
        }
        if !turn.attempts.is_empty() {
            self.capacity_holds(turn, database);
            self.groups_hold(turn, database);
        }
    }

    fn attempt_written(&mut self, row: &AttemptRow, database: &Database) {
        let Some(spec) = self.spec(database, row.key.job) else {
            return self.fail("attempts belong to jobs", format!("{row:?}"));
        };
        let decision = row.decision.as_deref().unwrap_or_default();
        let carried = decision.starts_with("carried ");
        let in_gang = gang_of(&spec, row.key.task).is_some();
        if row.from.is_none() {
            self.is_numbered_next(&spec, row, database);
            self.may_begin(&spec, row, database);
        }
        let was_final = row.from.is_some_and(AttemptState::is_final);
        // What a member of a gang has done is in vain when the gang starts again.
        let in_vain = in_gang
            && (row.from, row.state) == (Some(AttemptState::Succeeded), AttemptState::Requeued);
        self.require(!was_final || in_vain, "what has ended stays so", || {
            format!("{row:?}")
        });
        self.require(
            !row.state.is_final() || row.ended_at.is_some() || in_vain,
            "what has ended says when",
            || format!("{row:?}"),
        );
        if row.state.is_final() && !carried {
            self.tells_the_truth(&spec, row);
            self.success_counts(&spec, row, database);
            self.was_lost_for_a_reason(row);
            self.follows_rule(&spec, row, database);
        }
        self.hold(row);
    }

    fn hold(&mut self, row: &AttemptRow) {
        if row.node.is_empty() {
            return;
        }
        let held = self.active.entry(row.node.clone()).or_default();
        if row.state.is_final() {
            held.remove(&row.key);
        } else {
            held.insert(row.key);
        }
    }

    /// An end in the record is the end that the process had.
    fn tells_the_truth(&mut self, spec: &JobSpec, row: &AttemptRow) {
        let truth = self.truth.get(&row.key).copied().unwrap_or_default();
        let in_gang = gang_of(spec, row.key.task).is_some();
        let given_up = in_gang || self.given_up.contains(&row.key);
        let ended = truth.ended.map(|(outcome, _)| outcome);
        let holds = match row.state {
            AttemptState::Succeeded => ended == Some(Outcome::Succeeded),
            AttemptState::Failed => {
                ended == Some(Outcome::Failed)
                    && truth.ended.is_some_and(|(_, code)| code == row.exit_code)
            }
            AttemptState::TimedOut => {
                ended == Some(Outcome::Stalled) || self.limit_passed(spec, row)
            }
            AttemptState::Cancelled => row.from.is_some(),
            // Refused, or stopped with its agent or for a drain; or that was asked for, and nothing heard any more.
            AttemptState::Requeued => {
                ended.is_none_or(|ended| ended == Outcome::Stopped) || given_up
            }
            _ => true,
        };
        // Given up, or refused by its agent, a stopped attempt may live on for a while; else its process is gone.
        let gone = match row.state {
            AttemptState::Lost | AttemptState::Expired => true,
            AttemptState::Requeued if given_up => true,
            AttemptState::Cancelled | AttemptState::TimedOut if row.exit_code.is_none() => {
                !truth.runs || row.message.is_some()
            }
            _ => !truth.runs,
        };
        self.require(holds && gone, "the record says what happened", || {
            format!("{row:?}, but {truth:?}")
        });
    }

    /// Nothing is given up that runs on where its agent holds it, or whose end stands in a journal.
    fn was_lost_for_a_reason(&mut self, row: &AttemptRow) {
        let message = row.message.as_deref().unwrap_or_default();
        let with_agent = message.starts_with("its agent");
        if row.state != AttemptState::Lost || !with_agent {
            return;
        }
        let truth = self.truth.get(&row.key).copied().unwrap_or_default();
        let known = self.recovered.contains(&row.key);
        self.require(!truth.runs && !known, "work goes on where it can", || {
            format!("{row:?}, but {truth:?}, in the journal: {known}")
        });
    }

    /// Its start-to-close limit is over.
    fn limit_passed(&self, spec: &JobSpec, row: &AttemptRow) -> bool {
        let limit = step_of(spec, row.key.task).and_then(|step| step.rules.timeout_ms);
        let started = row.started_at.unwrap_or(row.assigned_at);
        limit.is_some_and(|limit| self.model_time >= started.plus_ms(limit))
    }

    fn job_written(&mut self, row: &JobRow, database: &Database) {
        let stored = &database.jobs[&row.id];
        if let Some(request_id) = stored
            .fixed
            .request_id
            .clone()
            .filter(|_| row.from.is_none())
        {
            let key = (stored.fixed.namespace.clone(), request_id);
            let before = self.request_ids.insert(key, row.id);
            self.require(before.is_none(), "a request id makes one job", || {
                format!("{before:?} and {}", row.id)
            });
        }
        let was_final = row.from.is_some_and(JobState::is_final);
        self.require(!was_final, "what has ended stays so", || format!("{row:?}"));
        if row.state.is_final() {
            self.job_ended(row, database);
        }
    }

    fn job_ended(&mut self, row: &JobRow, database: &Database) {
        let active = database
            .attempts_of(row.id)
            .find(|row| !row.state.is_final());
        self.require(active.is_none(), "a job ends with its last attempt", || {
            format!("{row:?} while {active:?}")
        });
        let listed = database.dead_letters.contains(&row.id);
        self.require(
            listed == row.state.is_dead(),
            "dead jobs are dead letters",
            || format!("{row:?} listed: {listed}"),
        );
        let Some(spec) = self.spec(database, row.id) else {
            return;
        };
        self.state_fits_attempts(row, &spec, database);
        if row.intent != Intent::Abandon {
            self.finally_tasks_ran(row, &spec, database);
        }
    }

    fn state_fits_attempts(&mut self, row: &JobRow, spec: &JobSpec, database: &Database) {
        let count = spec.tasks.len() as u32;
        let succeeded = |place| has_succeeded(spec, database, row.id, place);
        let forgiven = |place| is_forgiven(spec, database, row.id, place);
        let all = (0..count).all(|place| succeeded(place) || forgiven(place));
        // Of tasks that succeeded and can be undone: how many are.
        let undone = |task: &u32| succeeded(count + *task);
        let undoable: Vec<u32> = (0..count)
            .filter(|task| spec.tasks[*task as usize].undo.is_some() && succeeded(*task))
            .collect();
        let holds = match row.state {
            JobState::Succeeded => all && row.intent == Intent::Run,
            JobState::Failed => !all && matches!(row.intent, Intent::Run | Intent::Fail),
            JobState::TimedOut => {
                row.intent == Intent::Expire
                    || (!all && matches!(row.intent, Intent::Run | Intent::Fail))
            }
            JobState::Cancelled => matches!(row.intent, Intent::Cancel | Intent::Abandon),
            JobState::RolledBack => undoable.iter().all(undone),
            JobState::RollbackFailed => !undoable.iter().all(undone),
            JobState::Queued | JobState::Running | JobState::RollingBack => false,
        };
        self.require(holds, "a job's state fits its attempts", || {
            format!("{row:?}{}", history(database.attempts_of(row.id)))
        });
    }

    fn capacity_holds(&mut self, turn: &SealedTurn, database: &Database) {
        let mut nodes: Vec<_> = turn.attempts.iter().map(|row| row.node.clone()).collect();
        nodes.sort_unstable();
        nodes.dedup();
        for name in nodes {
            let Some(node) = database.nodes.get(&name) else {
                if !name.is_empty() {
                    self.fail("attempts run on nodes", format!("{name} never joined"));
                }
                continue;
            };
            let mut used = Tally::default();
            for key in self.active.get(&name).into_iter().flatten() {
                let number = database.jobs[&key.job].number as usize;
                if let Some(step) = step_of(&self.workload.jobs[number].spec, key.task) {
                    used.add(&Tally::of(&step.resources));
                }
            }
            let capacity = Tally::of(&node.capacity);
            self.require(used.fits(&capacity), "capacity is not exceeded", || {
                format!("{name} has {capacity:?}, {used:?} is held")
            });
        }
    }
}
