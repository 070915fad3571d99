//! An attempt ends, and what follows for its task, the tasks that need it, and its job.

use std::sync::Arc;

use super::{
    Cluster,
    job::Job,
    jobs::{JobSlot, TaskRef},
    task::{Phase, StopCause, Task},
    timers::Timer,
};
use crate::{
    Action, AttemptKey, AttemptState, Effects, Intent, JobRow, JobState, Outcome, RetryRule,
    TaskState, Timestamp, Transition, random::RandomStream,
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
        let task = &self.jobs.get(at.job).tasks[at.task as usize];
        let held = *task.phase.held().expect("only an active attempt ends");
        let from = task
            .phase
            .attempt_state()
            .expect("only an active attempt ends");
        self.forget_limit(at);
        self.release_capacity(at);
        let state = ended_state(
            &self.jobs.get(at.job).tasks[at.task as usize].phase,
            end.how,
        );
        let retry_at = self.retry_at(now, at, state);
        let mut row = self.attempt_row(at, &held, from, state);
        row.started_at = end.started_at;
        row.ended_at = Some(end.ended_at);
        row.exit_code = end.exit_code;
        row.message = end.message;
        row.retry_at = retry_at;
        effects.attempts.push(row);
        let task = &mut self.jobs.get_mut(at.job).tasks[at.task as usize];
        task.count_end(state, held.node);
        match (retry_at, state) {
            (Some(until), _) => self.retry(now, at, until, effects),
            (None, AttemptState::Succeeded) => self.settle(now, at, TaskState::Succeeded, effects),
            (None, AttemptState::TimedOut) => self.settle(now, at, TaskState::TimedOut, effects),
            (None, AttemptState::Cancelled) => self.settle(now, at, TaskState::Cancelled, effects),
            (None, _) => self.settle(now, at, TaskState::Failed, effects),
        }
    }

    fn release_capacity(&mut self, at: TaskRef) {
        let task = &self.jobs.get(at.job).tasks[at.task as usize];
        let held = *task
            .phase
            .held()
            .expect("only an active attempt holds capacity");
        let expected_end = task.expected_end(held.assigned_at);
        let demand = self.ready.shape(task.shape).demand;
        let connected = self.nodes.update(held.node, |node| {
            node.used.subtract(&demand);
            let was_held = node.held.remove(&(expected_end, at));
            assert!(was_held, "the node knows what it holds");
            node.session().is_some()
        });
        if connected {
            self.ready.freed.insert(held.node);
            self.wants_dispatch = true;
        }
    }

    fn forget_limit(&mut self, at: TaskRef) {
        let task = &self.jobs.get(at.job).tasks[at.task as usize];
        // While stopping for its limit the timer has fired.
        let started_at = match task.phase {
            Phase::Running { started_at, .. } => Some(started_at),
            Phase::Stopping {
                started_at,
                cause: StopCause::Cancel,
                ..
            } => started_at,
            _ => None,
        };
        if let (Some(started_at), Some(limit)) = (started_at, task.timeout_ms) {
            self.timers
                .forget(started_at.plus_ms(limit.get()), Timer::Limit(at));
        }
    }

    /// When the next attempt may start; `None` when there is none.
    fn retry_at(&mut self, now: Timestamp, at: TaskRef, state: AttemptState) -> Option<Timestamp> {
        let job = self.jobs.get(at.job);
        let task = &job.tasks[at.task as usize];
        if job.intent != Intent::Run {
            return None;
        }
        match state {
            AttemptState::Failed | AttemptState::TimedOut
                if task.failures < task.retry().retries =>
            {
                Some(now.plus_ms(backoff_ms(&task.retry(), task.failures, &mut self.jitter)))
            }
            AttemptState::Lost
                if task.retry().rerun_lost && task.losses + 1 < self.config.max_lost =>
            {
                Some(now)
            }
            _ => None,
        }
    }

    fn retry(&mut self, now: Timestamp, at: TaskRef, until: Timestamp, effects: &mut Effects) {
        self.jobs.get_mut(at.job).tasks[at.task as usize].become_retrying(until);
        if until > now {
            self.timers.set(until, Timer::Retry(at));
            self.tell(at, effects);
        } else {
            self.enqueue_and_tell(at, effects);
        }
    }

    /// A task with an attempt has come to its end.
    fn settle(&mut self, now: Timestamp, at: TaskRef, state: TaskState, effects: &mut Effects) {
        let job = self.jobs.get_mut(at.job);
        let task = &mut job.tasks[at.task as usize];
        match state {
            TaskState::Succeeded => task.become_succeeded(),
            TaskState::TimedOut => task.become_timed_out(),
            TaskState::Cancelled => task.become_cancelled(),
            TaskState::Failed => task.become_failed(),
            open => panic!("{open} is not an end"),
        }
        job.counts.end(state);
        let goes_on = job.intent == Intent::Run;
        let fails_fast = Self::fails_fast(job);
        self.tell(at, effects);
        match state {
            TaskState::Succeeded if goes_on => self.release_dependents(at, effects),
            TaskState::Failed | TaskState::TimedOut if goes_on => {
                self.fail_dependents(at, effects);
                if fails_fast {
                    self.jobs.get_mut(at.job).intent = Intent::Fail;
                    self.stop_rest(at.job, effects);
                }
            }
            _ => {}
        }
        self.write_job(at.job, now, effects);
    }

    fn release_dependents(&mut self, at: TaskRef, effects: &mut Effects) {
        for place in self.jobs.get(at.job).dependents(at.task) {
            let job = self.jobs.get_mut(at.job);
            let dependent = job.dependent(place);
            // One that failed upstream through another need stays so.
            let Phase::Pending { unmet } = &mut job.tasks[dependent as usize].phase else {
                continue;
            };
            *unmet -= 1;
            if *unmet == 0 {
                self.enqueue_and_tell(
                    TaskRef {
                        job: at.job,
                        task: dependent,
                    },
                    effects,
                );
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
                if failing.state() != TaskState::Pending {
                    continue;
                }
                failing.become_upstream_failed();
                job.counts.end(TaskState::UpstreamFailed);
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

    /// The job is not meant to run any more: waiting tasks are cancelled, active ones asked to stop.
    pub(super) fn stop_rest(&mut self, slot: JobSlot, effects: &mut Effects) {
        for task in 0..self.jobs.get(slot).tasks.len() as u32 {
            let at = TaskRef { job: slot, task };
            match self.jobs.get(slot).tasks[task as usize].phase {
                Phase::Queued { .. } => {
                    self.dequeue(at);
                    self.cancel_waiting(at, effects);
                }
                Phase::Retrying { until } => {
                    self.timers.forget(until, Timer::Retry(at));
                    self.cancel_waiting(at, effects);
                }
                Phase::Pending { .. } => self.cancel_waiting(at, effects),
                Phase::Assigned(_) | Phase::Running { .. } => {
                    self.stop(at, StopCause::Cancel, effects);
                }
                Phase::Stopping {
                    cause: StopCause::Timeout,
                    ..
                } => {
                    self.stop(at, StopCause::Cancel, effects);
                }
                _ => {}
            }
        }
    }

    fn cancel_waiting(&mut self, at: TaskRef, effects: &mut Effects) {
        let job = self.jobs.get_mut(at.job);
        job.tasks[at.task as usize].become_cancelled();
        job.counts.end(TaskState::Cancelled);
        self.tell(at, effects);
    }

    /// Asks the agent to stop an active attempt.
    pub(super) fn stop(&mut self, at: TaskRef, cause: StopCause, effects: &mut Effects) {
        let phase = &self.jobs.get(at.job).tasks[at.task as usize].phase;
        let held = *phase.held().expect("only an active attempt is stopped");
        let from = phase
            .attempt_state()
            .expect("only an active attempt is stopped");
        let task = &mut self.jobs.get_mut(at.job).tasks[at.task as usize];
        task.become_stopping(cause);
        let to = task.phase.attempt_state().expect("it is stopping");
        let row = self.attempt_row(at, &held, from, to);
        effects.attempts.push(row);
        if let Some(session) = self.nodes.get(held.node).session() {
            effects.actions.push(Action::Stop {
                session,
                key: self.attempt_key(at),
            });
        }
        self.tell(at, effects);
    }

    /// Writes a job's row if its state or intent has changed, and drops the job if it has ended.
    pub(super) fn write_job(&mut self, slot: JobSlot, now: Timestamp, effects: &mut Effects) {
        let job = self.jobs.get_mut(slot);
        let state = job.state();
        if job.written != (state, job.intent) {
            job.write_row(state, now, effects);
        }
        if state.is_final() {
            self.retire(slot);
        }
    }

    fn retire(&mut self, slot: JobSlot) {
        let job = self.jobs.remove(slot);
        for task in &job.tasks {
            self.payloads.release(task.payload);
            self.ready.release_shape(task.shape);
        }
        self.ready.release_queue(job.queue);
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

impl Job {
    fn write_row(&mut self, state: JobState, now: Timestamp, effects: &mut Effects) {
        let from = self.written.0;
        effects.jobs.push(JobRow {
            id: self.id,
            from: Some(from),
            state,
            intent: self.intent,
            started_at: (from == JobState::Queued && self.counts.begun > 0).then_some(now),
            ended_at: state.is_final().then_some(now),
            message: self.message.clone(),
            new: None,
        });
        self.written = (state, self.intent);
        if state != from {
            effects.transitions.push(Transition::Job {
                job: self.id,
                to: state,
                message: self.message.as_ref().map(Arc::clone),
            });
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

/// What the attempt's record says in the end. A success that arrives while the job is being cancelled counts as
/// cancelled; one that arrives while stopping for the limit was just in time.
fn ended_state(phase: &Phase, how: Ending) -> AttemptState {
    match (phase, how) {
        (
            Phase::Stopping {
                cause: StopCause::Cancel,
                ..
            },
            _,
        ) => AttemptState::Cancelled,
        (_, Ending::Reported(Outcome::Succeeded)) => AttemptState::Succeeded,
        (
            Phase::Stopping {
                cause: StopCause::Timeout,
                ..
            },
            _,
        ) => AttemptState::TimedOut,
        (_, Ending::Lost) => AttemptState::Lost,
        // Stopped though nobody asked: the agent was shut down.
        (_, Ending::Reported(Outcome::Stopped)) => AttemptState::Lost,
        (_, Ending::Reported(Outcome::Failed)) => AttemptState::Failed,
    }
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
