//! The loop: the earliest of what is to happen goes into the cluster, and what comes out is carried out.

use std::{cmp::Reverse, collections::BinaryHeap};

use drover_model::{
    Action, Assignment, AttemptKey, Effects, Epoch, Event, Heard, JobState, Outcome as End, Rate,
    Report, ReportBatch, ReportKind, SessionId, Snapshot, TaskState, Transition,
    cluster::{Cluster, Config},
};
use rustc_hash::FxHashMap;

use super::{
    Options, Outcome, Rounds,
    account::{Account, Running},
    at,
    durations::{noise, run_ms, stream},
    nodes::{SimulatedNode, place_of as node_of},
    spec::{Names, job_id, place_of as job_of, stage_of, submission},
};
use crate::trace::{NodeFailure, Runs, Trace};

/// Silence after which a failed node is given up, where nodes fail; and how often the others are heard from.
const NODE_TIMEOUT_MS: u64 = 10_000;
const HEARTBEAT_MS: u64 = 5_000;

/// When nothing has started or ended for so long, nothing will.
const PATIENCE_MS: u64 = 30 * 24 * 3_600_000;

/// Of things at the same moment the first comes first; submissions come before all of them, timers after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// The attempt in this slot ends, if it is still this one.
    End {
        job: u32,
        number: u64,
        slot: u32,
    },
    Fail {
        node: u32,
    },
    Repair {
        node: u32,
    },
    Heartbeat,
}

#[derive(Debug)]
pub(super) struct Engine<'t> {
    trace: &'t Trace,
    options: &'t Options,
    names: Names,
    cluster: Cluster,
    effects: Effects,
    now: u64,
    /// By moment; then ends in the order of the trace, and after them what becomes of nodes.
    planned: BinaryHeap<Reverse<(u64, Kind)>>,
    next_job: usize,
    nodes: Vec<SimulatedNode>,
    fails: bool,
    /// Attempts under way, with the number of each.
    running: Vec<Option<(u64, Running)>>,
    free: Vec<u32>,
    under_way: usize,
    /// Begun so far.
    attempts: u64,
    /// Since when tasks wait, where that is asked for.
    queued: FxHashMap<(u32, u32), u64>,
    /// Rates of what has just been assigned, where nodes cost anything.
    rates: FxHashMap<AttemptKey, Rate>,
    has_rates: bool,
    /// Nodes that work for a job, where run times depend on it.
    executors: FxHashMap<u32, u32>,
    has_executors: bool,
    account: Account<'t>,
    last_progress: u64,
}

impl<'t> Engine<'t> {
    pub(super) fn new(trace: &'t Trace, options: &'t Options) -> Self {
        let fails = trace.nodes.iter().any(|node| node.failure.is_some());
        let tasks = || trace.jobs.iter().flat_map(|job| &job.tasks);
        let has_executors = tasks().any(|task| matches!(task.runs, Runs::Executors { .. }));
        let costs = |node: &crate::trace::TraceNode| {
            node.attributes.cost_per_hour_micros > 0 || node.attributes.power_watts > 0
        };
        let snapshot = Snapshot {
            epoch: Epoch(options.seed),
            ..Snapshot::default()
        };
        Self {
            trace,
            options,
            names: Names::default(),
            cluster: Cluster::load(config(options, fails), snapshot, at(0)),
            effects: Effects::default(),
            now: 0,
            planned: BinaryHeap::new(),
            next_job: 0,
            nodes: (0..trace.nodes.len())
                .map(|place| SimulatedNode::new(options.seed, place))
                .collect(),
            fails,
            running: Vec::new(),
            free: Vec::new(),
            under_way: 0,
            attempts: 0,
            queued: FxHashMap::default(),
            rates: FxHashMap::default(),
            has_rates: trace.nodes.iter().any(costs),
            executors: FxHashMap::default(),
            has_executors,
            account: Account::new(trace, options.keep),
            last_progress: 0,
        }
    }

    pub(super) fn run(mut self) -> Outcome {
        for place in 0..self.nodes.len() as u32 {
            self.join(place);
        }
        if self.fails {
            self.plan(HEARTBEAT_MS, Kind::Heartbeat);
        }
        while self.advance() {
            if self.is_over() {
                self.dispatch();
            }
            self.account
                .sample(self.now, self.cluster.queued_tasks(), self.under_way);
        }
        self.account.outcome()
    }

    /// Takes the next thing that happens. False when nothing more does.
    fn advance(&mut self) -> bool {
        let next = self.next_moment();
        let arrives = self.submission() < u64::MAX;
        let is_idle = !arrives && self.cluster.open_jobs() == 0;
        let is_stuck = !arrives && next > self.last_progress.saturating_add(PATIENCE_MS);
        if next == u64::MAX || is_idle || is_stuck {
            return false;
        }
        self.now = self.now.max(next);
        if self.submission() == next {
            self.submit();
        } else if self.planned() == next {
            self.take_planned();
        } else {
            self.step(Event::Tick);
        }
        true
    }

    /// Whether a round may follow: after each event, or when all of this moment is done.
    fn is_over(&self) -> bool {
        self.options.rounds == Rounds::EachEvent || self.next_moment() > self.now
    }

    fn next_moment(&self) -> u64 {
        let timer = self.cluster.next_timer();
        let timer = timer.map_or(u64::MAX, |timer| timer.0.max(0) as u64);
        self.submission().min(self.planned()).min(timer)
    }

    fn submission(&self) -> u64 {
        let next = self.trace.jobs.get(self.next_job);
        next.map_or(u64::MAX, |job| job.submitted_ms)
    }

    fn planned(&self) -> u64 {
        let next = self.planned.peek();
        next.map_or(u64::MAX, |Reverse((at, _))| *at)
    }

    fn submit(&mut self) {
        let place = self.next_job as u32;
        let job = &self.trace.jobs[self.next_job];
        self.next_job += 1;
        self.account.submitted(self.now, place, job);
        self.last_progress = self.now;
        self.step(submission(&self.names, place, job));
    }

    fn take_planned(&mut self) {
        let Some(Reverse((_, kind))) = self.planned.pop() else {
            return;
        };
        match kind {
            Kind::End { number, slot, .. } => {
                let current = self.running[slot as usize].as_ref();
                if current.is_some_and(|(current, _)| *current == number) {
                    self.end(slot, End::Succeeded);
                }
            }
            Kind::Fail { node } => self.fail(node),
            Kind::Repair { node } => self.join(node),
            Kind::Heartbeat => self.beat(),
        }
    }

    /// Rounds until nothing more starts.
    fn dispatch(&mut self) {
        while self.cluster.wants_dispatch() {
            let decision = self.cluster.decide(at(self.now));
            self.account.round();
            let goes_on = !decision.placements.is_empty();
            self.step(Event::Dispatch(decision));
            if !goes_on {
                return;
            }
        }
    }

    fn step(&mut self, event: Event) {
        self.cluster.step(at(self.now), event, &mut self.effects);
        self.note_rates();
        self.note_transitions();
        let mut actions = std::mem::take(&mut self.effects.actions);
        for action in actions.drain(..) {
            match action {
                Action::Assign {
                    session,
                    assignment,
                } => self.start(session, &assignment),
                Action::Stop { key, .. } => self.stop(key),
                _ => {}
            }
        }
        self.effects.actions = actions;
        self.effects.jobs.clear();
        self.effects.attempts.clear();
        self.effects.nodes.clear();
        self.effects.estimates.clear();
    }

    fn note_rates(&mut self) {
        if self.has_rates {
            let new = self
                .effects
                .attempts
                .iter()
                .filter(|row| row.from.is_none());
            self.rates.extend(new.map(|row| (row.key, row.rate)));
        }
    }

    fn note_transitions(&mut self) {
        let mut transitions = std::mem::take(&mut self.effects.transitions);
        for transition in transitions.drain(..) {
            match transition {
                Transition::Job { job, to, .. } if to.is_final() => {
                    let place = job_of(job);
                    self.account
                        .job_ended(self.now, place, to == JobState::Succeeded);
                    self.executors.remove(&place);
                }
                Transition::Task {
                    job,
                    task,
                    to: TaskState::Queued,
                    ..
                } if self.account.keeps_attempts() => {
                    self.queued.insert((job_of(job), task), self.now);
                }
                _ => {}
            }
        }
        self.effects.transitions = transitions;
    }

    fn start(&mut self, session: SessionId, assignment: &Assignment) {
        let AttemptKey { job, task, attempt } = assignment.key;
        let job = job_of(job);
        let node = node_of(session, self.nodes.len());
        let running = Running {
            job,
            task,
            attempt,
            node: node as u32,
            stage: stage_of(&self.trace.jobs[job as usize], task),
            started_ms: self.now + self.options.start_latency_ms,
            rate: self.rates.remove(&assignment.key).unwrap_or_default(),
        };
        let ends = running.started_ms + self.takes(&running);
        self.account.started(self.now, &running);
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
        if last != Some(running.job) {
            if let Some(left) = last.and_then(|job| self.executors.get_mut(&job)) {
                *left -= 1;
            }
            *self.executors.entry(running.job).or_default() += 1;
        }
        self.executors.get(&running.job).copied().unwrap_or(1)
    }

    fn end(&mut self, slot: u32, outcome: End) {
        let Some((_, running)) = self.running[slot as usize].take() else {
            return;
        };
        self.free.push(slot);
        self.under_way -= 1;
        self.last_progress = self.now;
        let queued = self.queued.get(&(running.job, running.task)).copied();
        let submitted = self.trace.jobs[running.job as usize].submitted_ms;
        let succeeded = outcome == End::Succeeded;
        self.account
            .ended(self.now, &running, succeeded, queued.unwrap_or(submitted));
        let report = Report {
            key: AttemptKey {
                job: job_id(running.job),
                task: running.task,
                attempt: running.attempt,
            },
            what: ReportKind::Ended {
                started_at: at(running.started_ms),
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
    fn stop(&mut self, key: AttemptKey) {
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

    fn join(&mut self, place: u32) {
        let count = self.nodes.len();
        let node = &self.trace.nodes[place as usize];
        let event = self.nodes[place as usize].join(place as usize, count, node);
        if let Some(NodeFailure { mean_up_ms, .. }) = node.failure {
            let up = self.nodes[place as usize].draw_ms(mean_up_ms);
            self.plan(self.now + up, Kind::Fail { node: place });
        }
        self.step(event);
    }

    /// The host is gone, and what ran there with it. The coordinator finds out by its silence.
    fn fail(&mut self, place: u32) {
        let node = &mut self.nodes[place as usize];
        node.is_up = false;
        let session = node.session;
        for slot in 0..self.running.len() {
            let there = self.running[slot].as_ref();
            if there.is_some_and(|(_, running)| running.node == place) {
                let (_, running) = self.running[slot].take().expect("just seen");
                let submitted = self.trace.jobs[running.job as usize].submitted_ms;
                self.account.ended(self.now, &running, false, submitted);
                self.free.push(slot as u32);
                self.under_way -= 1;
            }
        }
        if let Some(NodeFailure { mean_repair_ms, .. }) = self.trace.nodes[place as usize].failure {
            let away = self.nodes[place as usize].draw_ms(mean_repair_ms);
            self.plan(self.now + away, Kind::Repair { node: place });
        }
        self.step(Event::Left { session });
    }

    fn beat(&mut self) {
        let heard = self.nodes.iter().filter(|node| node.is_up);
        let heard = heard.map(|node| Heard {
            session: node.session,
            at: at(self.now),
            cpu_permille: 0,
            memory_permille: 0,
        });
        let heard = heard.collect();
        self.plan(self.now + HEARTBEAT_MS, Kind::Heartbeat);
        self.step(Event::Heard(heard));
    }

    fn plan(&mut self, at: u64, kind: Kind) {
        self.planned.push(Reverse((at, kind)));
    }
}

fn config(options: &Options, fails: bool) -> Config {
    Config {
        policy: options.policy.clone(),
        mode: options.mode,
        backfill: options.backfill.clone(),
        held_per_round: usize::MAX,
        weights: options.weights,
        // Nobody is heard of where nobody fails.
        node_timeout_ms: if fails { NODE_TIMEOUT_MS } else { u64::MAX / 4 },
        age_cap_ms: options.age_cap_ms.unwrap_or(u64::MAX),
        ..Config::default()
    }
}
