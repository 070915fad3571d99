//! Attempts begin, run and end.

use drover_model::{
    Assignment, AttemptKey, Event, Outcome as End, Report, ReportBatch, ReportKind, SessionId,
};

use super::{Engine, Kind};
use crate::simulate::{
    account::Running,
    at,
    durations::{noise, run_ms, stream},
    nodes::place_of as node_of,
    spec::{job_id, place_of as job_of, stage_of},
};

impl Engine<'_> {
    pub(super) fn start(&mut self, session: SessionId, assignment: &Assignment) {
        let AttemptKey { job, task, attempt } = assignment.key;
        let job = job_of(job);
        let node = node_of(session, self.nodes.len());
        let submitted = &self.trace.jobs[job as usize];
        let queued_ms = self.queued.remove(&(job, task));
        let running = Running {
            job,
            task,
            attempt,
            node: node as u32,
            stage: stage_of(submitted, task),
            queued_ms: queued_ms.unwrap_or(submitted.submitted_ms),
            started_ms: self.now + self.options.start_latency_ms,
        };
        let ends = running.started_ms + self.takes(&running);
        self.account.assigned(&running);
        self.last_progress = self.now;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.running.push(None);
            self.running.len() as u32 - 1
        });
        let number = self.attempts;
        self.attempts += 1;
        self.running[slot as usize] = Some((number, running));
        self.under_way += 1;
        self.plan(ends, Kind::End { job, number, slot });
    }

    /// How long an attempt runs there.
    fn takes(&mut self, running: &Running) -> u64 {
        let job = &self.trace.jobs[running.job as usize];
        let (stage, instance) = running.stage;
        let speed = self.trace.nodes[running.node as usize].speed;
        let is_plain = self.options.noise == 0.0 && !self.has_executors;
        if is_plain && speed == 1.0 {
            return job.tasks[stage as usize].runs.ms(instance);
        }
        let mut random = stream(self.options.seed, running.job, stage, instance);
        let noise = noise(&mut random, self.options.noise);
        let executors = self.take_executor(running);
        let node = &self.nodes[running.node as usize];
        let moving_ms = self.options.moving_ms;
        let ms = run_ms(
            job,
            running.stage,
            running.job,
            node,
            executors,
            moving_ms,
            &mut random,
        );
        self.nodes[running.node as usize].last = Some((running.job, stage));
        (ms as f64 * noise / speed).round() as u64
    }

    /// The node works for the job from now on. How many do.
    fn take_executor(&mut self, running: &Running) -> u32 {
        if !self.has_executors {
            return 1;
        }
        let last = self.nodes[running.node as usize].last.map(|(job, _)| job);
        self.executors.moves(last, running.job)
    }

    /// What ran in a slot is over, whoever knows of it.
    pub(super) fn take(&mut self, slot: u32, succeeded: bool) -> Option<Running> {
        let (_, running) = self.running[slot as usize].take()?;
        self.free.push(slot);
        self.under_way -= 1;
        self.account.ended(self.now, &running, succeeded);
        Some(running)
    }

    pub(super) fn end(&mut self, slot: u32, outcome: End) {
        let Some(running) = self.take(slot, outcome == End::Succeeded) else {
            return;
        };
        self.last_progress = self.now;
        let report = Report {
            key: AttemptKey {
                job: job_id(running.job),
                task: running.task,
                attempt: running.attempt,
            },
            what: ReportKind::Ended {
                started_at: at(running.started_ms.min(self.now)),
                ended_at: at(self.now),
                outcome,
                exit_code: None,
                message: None,
            },
        };
        let session = self.nodes[running.node as usize].session;
        self.step(Event::Reports {
            session,
            batch: ReportBatch {
                sequence: 1,
                reports: vec![report],
            },
        });
    }

    /// The agent is asked to stop an attempt, and does at once.
    pub(super) fn stop(&mut self, key: AttemptKey) {
        let job = job_of(key.job);
        let is_asked = |running: &Running| {
            (running.job, running.task, running.attempt) == (job, key.task, key.attempt)
        };
        let mut slots = self.running.iter();
        let slot = slots.position(|slot| slot.as_ref().is_some_and(|(_, one)| is_asked(one)));
        if let Some(slot) = slot {
            self.end(slot as u32, End::Stopped);
        }
    }
}
