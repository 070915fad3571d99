//! The loop: the earliest of what is to happen goes into the cluster, and what comes out is carried out.

mod attempts;
mod executors;
mod hosts;

use std::{cmp::Reverse, collections::BinaryHeap, sync::atomic::Ordering};

use drover_model::{
    Action, Effects, Epoch, Event, JobState, Outcome as End, Snapshot, TaskState, Transition,
    cluster::{Cluster, Config},
};
use rustc_hash::FxHashMap;

use self::executors::Executors;
use super::{
    Options, Outcome, Rounds,
    account::{Account, Running},
    at,
    nodes::SimulatedNode,
    spec::{Names, place_of as job_of, submission},
};
use crate::trace::{Runs, Trace};

/// Silence after which a failed node is given up, where nodes fail; and how often the others are heard from.
const NODE_TIMEOUT_MS: u64 = 10_000;
const HEARTBEAT_MS: u64 = 5_000;

/// When nothing is under way, and nothing has started or ended for so long, nothing will.
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
    executors: Executors,
    has_executors: bool,
    account: Account<'t>,
    last_progress: u64,
}

impl<'t> Engine<'t> {
    pub(super) fn new(trace: &'t Trace, options: &'t Options) -> Self {
        let fails = trace.nodes.iter().any(|node| node.failure.is_some());
        let tasks = || trace.jobs.iter().flat_map(|job| &job.tasks);
        let has_executors = tasks().any(|task| matches!(task.runs, Runs::Executors { .. }));
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
            executors: Executors::default(),
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
        let is_stuck = !arrives
            && self.under_way == 0
            && next > self.last_progress.saturating_add(PATIENCE_MS);
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
        if let Some(clock) = &self.options.clock {
            clock.store(self.now, Ordering::Relaxed);
        }
        while self.cluster.wants_dispatch() {
            let decision = self.cluster.decide(at(self.now));
            let goes_on = !decision.placements.is_empty();
            self.step(Event::Dispatch(decision));
            if !goes_on {
                return;
            }
        }
    }

    fn step(&mut self, event: Event) {
        self.cluster.step(at(self.now), event, &mut self.effects);
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

    fn note_transitions(&mut self) {
        let mut transitions = std::mem::take(&mut self.effects.transitions);
        for transition in transitions.drain(..) {
            match transition {
                Transition::Job { job, to, .. } if to.is_final() => {
                    let place = job_of(job);
                    self.account
                        .job_ended(self.now, place, to == JobState::Succeeded);
                    self.executors.forget(place);
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
        records: options.keep.attempts,
        age_cap_ms: options.age_cap_ms.unwrap_or(u64::MAX),
        ..Config::default()
    }
}
