//! From the store into memory. Start-up and recovery are this one path.

use super::{
    Cluster,
    job::{Counts, Job},
    jobs::{JobSlot, TaskRef},
    node::{Link, Node},
    task::{Held, Phase, StopCause, Task},
    timers::Timer,
};
use crate::{
    AttemptRow, AttemptState, Intent, Join, LoadedJob, NodeRow, ReportBatch, Snapshot, TaskState,
    Timestamp,
};

impl Cluster {
    pub(super) fn restore(&mut self, snapshot: Snapshot, now: Timestamp) {
        for node in snapshot.nodes {
            let slot = self.nodes.insert(restored_node(node, now));
            self.watch_silence(now, slot);
        }
        for job in snapshot.jobs {
            self.restore_job(job);
        }
    }

    fn restore_job(&mut self, loaded: LoadedJob) {
        let LoadedJob {
            row,
            submitted_at,
            request_id: _,
            traceparent,
            spec,
            attempts,
        } = loaded;
        let deadline = spec.deadline.map(|deadline| deadline.at(submitted_at));
        let mut job = self.compile(row.id, spec, submitted_at, deadline, traceparent);
        job.intent = row.intent;
        job.written = (row.state, row.intent);
        job.message = row.message;
        let slot = self.jobs.insert(job);
        for attempt in &attempts {
            self.restore_attempt(slot, attempt);
        }
        let job = self.jobs.get_mut(slot);
        job.settle_what_never_ran();
        job.counts = Counts::recompute(&job.tasks);
        assert!(
            job.counts.open > 0,
            "job {} is stored as open but has ended",
            job.id
        );
        self.hold_what_is_active(slot);
        self.queue_what_is_ready(slot);
    }

    /// Attempts come in order, so that the last one decides.
    fn restore_attempt(&mut self, slot: JobSlot, attempt: &AttemptRow) {
        let node = self.nodes.find(&attempt.node).unwrap_or_else(|| {
            panic!(
                "{:?} ran on node {}, which never joined",
                attempt.key, attempt.node
            )
        });
        let job = self.jobs.get_mut(slot);
        let intent = job.intent;
        let task = &mut job.tasks[attempt.key.task as usize];
        task.attempt = attempt.key.attempt;
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
            AttemptState::Succeeded => Phase::Succeeded,
            AttemptState::Cancelled => Phase::Cancelled,
            AttemptState::Failed | AttemptState::TimedOut | AttemptState::Lost => {
                match attempt.retry_at {
                    Some(_) if intent != Intent::Run => Phase::Cancelled,
                    Some(until) => Phase::Retrying { until },
                    None if attempt.state == AttemptState::TimedOut => Phase::TimedOut,
                    None => Phase::Failed,
                }
            }
        };
    }

    fn hold_what_is_active(&mut self, slot: JobSlot) {
        let job = self.jobs.get(slot);
        for (place, task) in job.tasks.iter().enumerate() {
            let at = TaskRef {
                job: slot,
                task: place as u32,
            };
            match (task.phase, task.timeout_ms) {
                (Phase::Retrying { until }, _) => self.timers.set(until, Timer::Retry(at)),
                (Phase::Running { started_at, .. }, Some(limit)) => {
                    self.timers
                        .set(started_at.plus_ms(limit.get()), Timer::Limit(at));
                }
                _ => {}
            }
            if let Some(held) = task.phase.held() {
                let expected_end = task.expected_end(held.assigned_at);
                let demand = self.ready.shape(task.shape).demand;
                self.nodes.update(held.node, |node| {
                    node.used.add(&demand);
                    node.held.insert((expected_end, at));
                });
            }
        }
    }
}

impl Job {
    /// Tasks without an attempt: their state follows from what they need and from the job's intent, in this order, which
    /// is the order in which it happened.
    fn settle_what_never_ran(&mut self) {
        let mut failed: Vec<u32> = Vec::new();
        for task in 0..self.tasks.len() as u32 {
            match self.tasks[task as usize].state() {
                TaskState::Succeeded => self.count_down_dependents(task),
                TaskState::Failed | TaskState::TimedOut => failed.push(task),
                _ => {}
            }
        }
        while let Some(task) = failed.pop() {
            for place in self.dependents(task) {
                let dependent = self.dependent(place);
                let failing = &mut self.tasks[dependent as usize];
                if failing.state() == TaskState::Pending {
                    failing.become_upstream_failed();
                    failed.push(dependent);
                }
            }
        }
        if self.intent != Intent::Run {
            let pending = |task: &&mut Task| task.state() == TaskState::Pending;
            self.tasks
                .iter_mut()
                .filter(pending)
                .for_each(Task::become_cancelled);
        }
    }

    fn count_down_dependents(&mut self, task: u32) {
        for place in self.dependents(task) {
            let dependent = self.dependent(place);
            if let Phase::Pending { unmet } = &mut self.tasks[dependent as usize].phase {
                *unmet -= 1;
            }
        }
    }
}

fn stopping(held: Held, attempt: &AttemptRow, cause: StopCause) -> Phase {
    Phase::Stopping {
        held,
        started_at: attempt.started_at,
        cause,
    }
}

fn restored_node(row: NodeRow, now: Timestamp) -> Node {
    let join = Join {
        node: row.name,
        incarnation: row.incarnation,
        agent_version: row.agent_version,
        capacity: row.capacity,
        labels: row.labels,
        running: Vec::new(),
        reports: ReportBatch::default(),
    };
    Node::new(&join, Link::Disconnected, now)
}
