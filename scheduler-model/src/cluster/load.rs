//! From the store into memory. Start-up and recovery are this one path.

use super::{
    Cluster,
    jobs::{JobSlot, TaskRef},
    node::{Link, Node},
    phase::{Held, Phase, StopCause},
    timers::Timer,
};
use crate::{AttemptRow, AttemptState, LoadedJob, Snapshot, Timestamp};

impl Cluster {
    pub(super) fn restore(&mut self, snapshot: Snapshot, now: Timestamp) {
        for node in snapshot.nodes {
            let slot = self.nodes.insert(Node::new(node, Link::Disconnected, now));
            self.watch_silence(now, slot);
            self.watch_drain(slot);
        }
        self.restore_estimates(&snapshot.estimates);
        for job in snapshot.jobs {
            self.restore_job(now, job);
        }
    }

    fn restore_job(&mut self, now: Timestamp, loaded: LoadedJob) {
        let LoadedJob {
            row,
            submitted_at,
            traceparent,
            spec,
            attempts,
        } = loaded;
        let deadline = spec.deadline.map(|deadline| deadline.at(submitted_at));
        let mut job = self.compile(row.id, spec, submitted_at, deadline, traceparent);
        job.intent = row.intent;
        job.written = (row.state, row.intent);
        job.set_message(row.message);
        let slot = self.jobs.insert(job);
        for attempt in &attempts {
            self.restore_attempt(slot, attempt);
        }
        let succeeded = attempts
            .iter()
            .filter(|row| row.state == AttemptState::Succeeded);
        let last = succeeded.max_by_key(|row| row.ended_at);
        let near = last.and_then(|row| self.nodes.find(&row.node));
        let job = self.jobs.get_mut(slot);
        job.near = near;
        job.resume_stages();
        assert!(
            job.counts.all_open() > 0,
            "job {} is stored as open but has ended",
            job.id
        );
        self.watch_deadline(slot);
        self.hold_what_is_active(slot);
        self.queue_what_is_ready(now, slot);
    }

    /// Attempts come in order, so that the last one decides.
    fn restore_attempt(&mut self, slot: JobSlot, attempt: &AttemptRow) {
        let job = self.jobs.get_mut(slot);
        let intent = job.intent;
        let is_member = job.gang_of(attempt.key.task).is_some();
        let task = &mut job.tasks[attempt.key.task as usize];
        task.attempt = attempt.key.attempt;
        if attempt.state == AttemptState::Expired {
            task.phase = Phase::TimedOut;
            return;
        }
        let node = self.nodes.find(&attempt.node).unwrap_or_else(|| {
            panic!(
                "{:?} ran on node {}, which never joined",
                attempt.key, attempt.node
            )
        });
        task.count_end(attempt.state, node);
        let held = Held {
            node,
            assigned_at: attempt.assigned_at,
        };
        task.phase = match attempt.state {
            AttemptState::Assigned => Phase::Assigned(held),
            AttemptState::Running => Phase::Running {
                held,
                started_at: attempt.started_at.unwrap_or(attempt.assigned_at),
            },
            AttemptState::Stopping => stopping(held, attempt, StopCause::Cancel),
            AttemptState::StoppingTimeout => stopping(held, attempt, StopCause::Timeout),
            AttemptState::StoppingRequeue => stopping(held, attempt, StopCause::Requeue),
            AttemptState::Succeeded if is_member => Phase::Arrived(held),
            AttemptState::Succeeded => Phase::Succeeded,
            AttemptState::Cancelled => Phase::Cancelled,
            AttemptState::Failed
            | AttemptState::TimedOut
            | AttemptState::Lost
            | AttemptState::Requeued => match attempt.retry_at {
                Some(_) if !task.kind.goes_on(intent) => Phase::Cancelled,
                Some(until) => Phase::Retrying { until },
                None if attempt.state == AttemptState::TimedOut => Phase::TimedOut,
                None => Phase::Failed,
            },
            AttemptState::Expired => unreachable!("judged above"),
        };
    }

    fn hold_what_is_active(&mut self, slot: JobSlot) {
        let job = self.jobs.get(slot);
        let mut active = Vec::new();
        for (place, task) in job.tasks.iter().enumerate() {
            let at = TaskRef {
                job: slot,
                task: place as u32,
            };
            let limit = task
                .run
                .and_then(|run| self.rules.get(run.rules).timeout_ms);
            match (task.phase, limit) {
                (Phase::Retrying { until }, _) => self.timers.set(until, Timer::Retry(at)),
                (Phase::Running { started_at, .. }, Some(limit)) => {
                    self.timers.set(started_at.plus_ms(limit), Timer::Limit(at));
                }
                _ => {}
            }
            if let Some(held) = task.phase.held() {
                active.push((at, *held));
            }
        }
        for (at, held) in active {
            self.hold(at, held);
        }
    }
}

fn stopping(held: Held, attempt: &AttemptRow, cause: StopCause) -> Phase {
    Phase::Stopping {
        held,
        started_at: attempt.started_at.into(),
        cause,
    }
}
