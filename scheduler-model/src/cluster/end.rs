//! An attempt ends, and what follows for its task.

use super::{
    Cluster,
    jobs::TaskRef,
    phase::{Phase, StopCause},
    task::Task,
    timers::Timer,
};
use crate::{
    AttemptKey, AttemptState, Effects, Outcome, RetryRule, Timestamp, random::RandomStream,
};

/// What is known of the end of an attempt.
pub(super) struct End {
    pub(super) how: Ending,
    pub(super) started_at: Option<Timestamp>,
    pub(super) ended_at: Timestamp,
    pub(super) exit_code: Option<i32>,
    pub(super) message: Option<Box<str>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Reported(Outcome),
    /// The node went away with it.
    Lost,
}

impl Cluster {
    /// Ends the active attempt of a task and gives its resources back.
    ///
    /// # Panics
    /// When it has none.
    pub(super) fn end_attempt(
        &mut self,
        now: Timestamp,
        at: TaskRef,
        end: End,
        effects: &mut Effects,
    ) {
        let phase = self.jobs.get(at.job).tasks[at.task as usize].phase;
        let held = *phase.held().expect("only an active attempt ends");
        let from = phase.attempt_state().expect("only an active attempt ends");
        self.forget_limit(at);
        self.release_capacity(at);
        self.preempting.forget_victim(at);
        let state = self.ended_state(at, end.how);
        let retry_at = self.retry_at(now, at, state, end.exit_code);
        let arrives = self.arrives(at);
        if let (AttemptState::Succeeded, Some(started_at)) = (state, end.started_at) {
            self.learn(now, at, held.node, end.ended_at.since(started_at));
        }
        if self.config.records {
            let mut row = self.attempt_row(at, &held, from, state);
            row.started_at = end.started_at;
            row.ended_at = Some(end.ended_at);
            row.exit_code = end.exit_code;
            // Why it was asked to stop is in the record already.
            if state != AttemptState::Requeued || !is_requeued(&phase) {
                row.message = end.message;
            }
            row.retry_at = retry_at;
            effects.attempts.push(row);
        }
        let job = self.jobs.get_mut(at.job);
        let task = &mut job.tasks[at.task as usize];
        let goes_on = task.kind.goes_on(job.intent);
        task.count_end(state, held.node);
        match (retry_at, state) {
            (Some(until), _) => task.become_retrying(until),
            (None, AttemptState::Succeeded) => {
                job.near = Some(held.node);
                if arrives {
                    task.become_arrived(held);
                    return self.arrive(now, at, effects);
                }
                task.become_succeeded();
            }
            (None, AttemptState::TimedOut) => task.become_timed_out(),
            (None, AttemptState::Cancelled) => task.become_cancelled(),
            (None, _) => task.become_failed(),
        }
        self.count_end(state, end.how, retry_at.is_some());
        if let Some(until) = retry_at {
            self.disband(now, at, effects);
            return self.retry(now, at, until, effects);
        }
        if goes_on {
            self.dissolve(at, effects);
        }
        self.settle(now, at, effects);
    }

    fn count_end(&mut self, state: AttemptState, how: Ending, retried: bool) {
        let counters = &mut self.counters;
        let costs_nothing = matches!(state, AttemptState::Lost | AttemptState::Requeued);
        counters.retries += u64::from(retried && !costs_nothing);
        match (state, how) {
            (AttemptState::TimedOut, _) => counters.timed_out_attempts += 1,
            (AttemptState::Lost, Ending::Reported(Outcome::Fenced)) => {
                counters.fenced_attempts += 1;
            }
            (AttemptState::Lost, _) => counters.lost_attempts += 1,
            _ => {}
        }
    }

    fn forget_limit(&mut self, at: TaskRef) {
        let task = &self.jobs.get(at.job).tasks[at.task as usize];
        // While stopping for its limit the timer has fired.
        let started_at = match task.phase {
            Phase::Running { started_at, .. } => Some(started_at),
            Phase::Stopping {
                started_at,
                cause: StopCause::Cancel | StopCause::Requeue,
                ..
            } => started_at.get(),
            _ => None,
        };
        let limit = self.rules.get(task.run().rules).timeout_ms;
        if let (Some(started_at), Some(limit)) = (started_at, limit) {
            self.timers
                .forget(started_at.plus_ms(limit), Timer::Limit(at));
        }
    }

    /// When the next attempt may start; `None` when there is none.
    fn retry_at(
        &mut self,
        now: Timestamp,
        at: TaskRef,
        state: AttemptState,
        exit_code: Option<i32>,
    ) -> Option<Timestamp> {
        let job = self.jobs.get(at.job);
        let task = &job.tasks[at.task as usize];
        let rule = &self.rules.get(task.run().rules).retry;
        let (failures, losses) = self.failures_and_losses(at);
        if !task.kind.goes_on(job.intent) {
            return None;
        }
        match state {
            AttemptState::Failed if !rule.allows(exit_code) => None,
            AttemptState::Failed | AttemptState::TimedOut if failures < rule.retries => {
                Some(now.plus_ms(backoff_ms(rule, failures, &mut self.jitter)))
            }
            AttemptState::Lost if rule.rerun_lost && losses + 1 < rule.max_lost => Some(now),
            AttemptState::Requeued => Some(now),
            _ => None,
        }
    }

    fn retry(&mut self, now: Timestamp, at: TaskRef, until: Timestamp, effects: &mut Effects) {
        if until > now {
            self.timers.set(until, Timer::Retry(at));
            self.tell(at, effects);
        } else {
            self.enqueue_and_tell(now, at, effects);
        }
    }

    /// What the attempt's record says in the end. A success that arrives while stopping for the limit was just in time.
    pub(super) fn ended_state(&self, at: TaskRef, how: Ending) -> AttemptState {
        let job = self.jobs.get(at.job);
        let task = &job.tasks[at.task as usize];
        match (&task.phase, how) {
            // The others of its gang start again, and it has to with them.
            (phase, _) if is_requeued(phase) && self.is_in_vain(at, how) => AttemptState::Requeued,
            (_, Ending::Reported(Outcome::Succeeded)) if self.is_disbanded(at) => {
                AttemptState::Requeued
            }
            // What it has done is there, whatever was asked for meanwhile.
            (_, Ending::Reported(Outcome::Succeeded)) if job.may_undo(at.task) => {
                AttemptState::Succeeded
            }
            // In a job that is stopped nothing succeeds any more.
            (
                Phase::Stopping {
                    cause: StopCause::Cancel,
                    ..
                },
                _,
            ) => AttemptState::Cancelled,
            (_, Ending::Reported(Outcome::Succeeded)) => AttemptState::Succeeded,
            (_, Ending::Reported(Outcome::Stalled)) => AttemptState::TimedOut,
            (
                Phase::Stopping {
                    cause: StopCause::Timeout,
                    ..
                },
                _,
            ) => AttemptState::TimedOut,
            (_, Ending::Reported(Outcome::Failed)) => AttemptState::Failed,
            (_, Ending::Reported(Outcome::Refused | Outcome::Stopped))
                if self.is_given_back(at, how) =>
            {
                AttemptState::Requeued
            }
            (phase, Ending::Lost) if is_requeued(phase) && self.is_given_back(at, how) => {
                AttemptState::Requeued
            }
            // Also what a leaving agent stopped, if it may not run twice.
            (_, Ending::Lost | Ending::Reported(_)) => AttemptState::Lost,
        }
    }

    /// A member of a gang that starts again, however it ended. What may not run twice fails.
    fn is_in_vain(&self, at: TaskRef, how: Ending) -> bool {
        self.members(at).is_some() && self.is_given_back(at, how)
    }

    /// Whether the success of a task waits for those of its gang. Not where these are stopped for good.
    fn arrives(&self, at: TaskRef) -> bool {
        let job = self.jobs.get(at.job);
        let task = &job.tasks[at.task as usize];
        let is_cancelled = matches!(
            task.phase,
            Phase::Stopping {
                cause: StopCause::Cancel,
                ..
            }
        );
        !is_cancelled && task.kind.goes_on(job.intent) && self.members(at).is_some()
    }

    /// Whether an attempt that its agent refused, or stopped for a drain or though nobody asked, goes back to its queue at no cost. What
    /// may not run twice must not have started; of a gang, others may have.
    fn is_given_back(&self, at: TaskRef, how: Ending) -> bool {
        let task = &self.jobs.get(at.job).tasks[at.task as usize];
        let never_started = how == Ending::Reported(Outcome::Refused)
            && matches!(task.phase, Phase::Assigned(_))
            && self.members(at).is_none();
        never_started || self.may_run_again(at)
    }

    pub(super) fn attempt_key(&self, at: TaskRef) -> AttemptKey {
        let job = self.jobs.get(at.job);
        AttemptKey {
            job: job.id,
            task: at.task,
            attempt: job.tasks[at.task as usize].attempt,
        }
    }
}

impl Task {
    pub(super) fn count_end(&mut self, state: AttemptState, node: super::node::NodeSlot) {
        match state {
            AttemptState::Failed | AttemptState::TimedOut => self.failures += 1,
            AttemptState::Lost => {
                self.losses += 1;
                self.avoid = Some(node);
            }
            _ => {}
        }
    }
}

/// It was asked to stop so that it runs elsewhere.
fn is_requeued(phase: &Phase) -> bool {
    matches!(
        phase,
        Phase::Stopping {
            cause: StopCause::Requeue,
            ..
        }
    )
}

/// Full jitter, in integers.
fn backoff_ms(rule: &RetryRule, failures_before: u32, jitter: &mut RandomStream) -> u64 {
    let mut limit = rule.backoff_ms;
    for _ in 0..failures_before {
        if limit >= rule.max_backoff_ms {
            break;
        }
        limit = (u128::from(limit) * u128::from(rule.factor_permille) / 1000)
            .try_into()
            .unwrap_or(u64::MAX);
    }
    jitter.up_to(limit.min(rule.max_backoff_ms))
}
