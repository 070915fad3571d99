//! One event per commit, while it is not known which one cannot be taken. As `coordinator/src/driver/careful.rs`,
//! `suspicion.rs` and `isolate.rs`.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use drover_model::{
    CallerId, Epoch, Event, JobId, JobRow, NodeName, Report, ReportBatch, Timestamp,
    turn::{CommitOutcome, SealedTurn},
};

use super::{Control, DatabaseRequest, Leader};
use crate::{
    faults::FaultKind,
    workload::Poison,
    world::{World, client::Heard, database::Database, moment::Moment, network::ConnectionId},
};

const QUIET_TURNS: u32 = 256;
const QUIET_TIME_MS: u64 = 3_000;
const BATCH: usize = 128;
/// How long a node is kept out whose join nobody could take.
const KEPT_OUT_MS: u64 = 60_000;

/// How careful a leadership is.
#[derive(Clone, Debug, Default)]
pub(super) struct Care {
    /// `None`: not at all.
    since: Option<Moment>,
    quiet_turns: u32,
}

impl Care {
    pub(super) fn new(careful: bool, now: Moment) -> Self {
        Self {
            since: careful.then_some(now),
            quiet_turns: 0,
        }
    }

    pub(super) fn is_taken(&self) -> bool {
        self.since.is_some()
    }

    /// A commit has succeeded.
    pub(super) fn relax(&mut self, now: Moment) {
        let Some(since) = self.since else {
            return;
        };
        self.quiet_turns += 1;
        if self.quiet_turns >= QUIET_TURNS || now.ms_since(since) >= QUIET_TIME_MS {
            self.since = None;
        }
    }
}

/// What a turn is made of, as far as it has to be told apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Stepped {
    events: u32,
    caller: Option<CallerId>,
}

impl Stepped {
    pub(super) fn begin(&mut self, event: &Event) {
        self.events += 1;
        self.caller = match event {
            Event::Submit { caller, .. }
            | Event::Cancel { caller, .. }
            | Event::SetQueue { caller, .. }
            | Event::Ask { caller, .. } => Some(*caller),
            _ => None,
        };
    }
}

/// What the next take-over has to find the culprit of.
#[derive(Clone, Debug)]
pub enum Suspect {
    Job(JobId),
    Rows(Arc<SealedTurn>),
}

/// Something that is stepped alone.
#[derive(Debug)]
pub(super) enum Unit {
    Recover { node: NodeName, report: Report },
    Control(Control),
}

impl Unit {
    /// Of an agent that joins.
    pub(super) fn connection(&self) -> Option<ConnectionId> {
        match self {
            Self::Control(Control::Join { connection, .. }) => Some(*connection),
            _ => None,
        }
    }
}

impl World<'_> {
    /// Steps until there is something to commit: what agents say, then what is due, then one placement, then requests.
    pub(super) fn step_one(&mut self, c: usize, leader: &mut Leader) {
        for _ in 0..BATCH {
            if !leader.turn.effects().is_empty() || leader.panicked.is_some() {
                return;
            }
            if let Some(unit) = leader.units.pop_front() {
                self.step_unit(c, leader, unit);
            } else if let Some(message) = self.coordinators[c].control.pop_front() {
                self.take_control(c, leader, message);
            } else if leader.is_timer_due(self.now) {
                self.tick(c, leader);
            } else if leader.cluster.wants_dispatch() {
                let decision = leader.cluster.decide(leader.clock.at(self.now));
                self.step(c, leader, Event::Dispatch(decision));
            } else if let Some(request) = self.coordinators[c].requests.pop_front() {
                self.take_request(c, leader, request);
            } else {
                return;
            }
        }
    }

    fn step_unit(&mut self, c: usize, leader: &mut Leader, unit: Unit) {
        match unit {
            Unit::Recover { node, report } => {
                self.step(c, leader, Event::Recover { node, report });
            }
            Unit::Control(message) => self.step_control(c, leader, message),
        }
    }

    /// A simulated mistake: the model panics on reports of some jobs.
    pub(super) fn panics_on(&self, event: &Event) -> Option<JobId> {
        let reports = match event {
            Event::Recover { report, .. } => std::slice::from_ref(report),
            Event::Join { join, .. } => &join.reports.reports,
            Event::Reports { batch, .. } => &batch.reports,
            _ => return None,
        };
        let jobs = reports.iter().map(|report| report.key.job);
        jobs.into_iter().find(|job| {
            let stored = self.database.jobs.get(job);
            stored.is_some_and(|stored| {
                let poison = self.workload.jobs[stored.number as usize].poison;
                poison == Poison::Panic
                    && stored.fixed.replay_of.is_none()
                    && !stored.row.state.is_final()
            })
        })
    }

    /// Something cannot be taken: the next leadership is careful, and acts if it is clear what was at fault.
    pub(super) fn suspect(&mut self, c: usize, leader: &mut Leader) {
        let (alone, caller) = match leader.panicked {
            Some(_) => (leader.care.is_taken(), leader.stepped.caller),
            None => {
                let stepped = &leader.flight.stepped;
                let alone = stepped.events <= 1;
                (alone, stepped.caller.filter(|_| alone))
            }
        };
        let found = leader.panicked.map(Suspect::Job);
        let found = found.or_else(|| leader.flight.sealed.clone().map(Suspect::Rows));
        if let Some(call) = caller.and_then(|caller| leader.callers.remove(&caller)) {
            self.answer_call(c, call, Heard::Internal);
        }
        let coordinator = &mut self.coordinators[c];
        coordinator.careful = true;
        if !alone {
            return;
        }
        if let Some(Suspect::Rows(sealed)) = &found
            && sealed.jobs.is_empty()
            && sealed.attempts.is_empty()
            && let Some(node) = sealed.nodes.first()
        {
            let until = self.now.plus_ms(KEPT_OUT_MS);
            coordinator.kept_out.push((node.name.clone(), until));
        }
        coordinator.suspect = found.map(|found| (leader.turn.epoch(), found));
    }

    pub(super) fn keeps_out(&mut self, c: usize, node: &NodeName) -> bool {
        let now = self.now;
        let kept_out = &mut self.coordinators[c].kept_out;
        kept_out.retain(|(_, until)| *until > now);
        kept_out.iter().any(|(kept, _)| kept == node)
    }

    pub(super) fn isolate_or_load(&mut self, c: usize, epoch: Epoch, since: Moment) {
        let suspect = self.coordinators[c].suspect.take();
        // If another has led in between, its record is no longer the one that was refused.
        match suspect.filter(|(refused, _)| refused.0 + 1 == epoch.0) {
            Some((_, suspect)) => {
                self.coordinators[c].phase = super::Phase::Parking { epoch, since };
                self.ask_database(c, DatabaseRequest::Isolate { epoch, suspect });
            }
            None => self.load(c, epoch, since),
        }
    }

    /// Ends what is at fault, in the record.
    pub(super) fn isolate(&mut self, epoch: Epoch, suspect: &Suspect) {
        if self.database.lease.epoch != epoch {
            return;
        }
        let culprits = match suspect {
            Suspect::Job(job) => vec![*job],
            Suspect::Rows(sealed) => {
                let jobs = stored_jobs(sealed);
                if jobs.len() > 1 {
                    self.try_each(epoch, sealed, &jobs)
                } else {
                    jobs.into_iter().collect()
                }
            }
        };
        for job in culprits {
            let at = self.database.lease.model_time;
            if self.database.park(job, at, "parked: it cannot be taken") {
                self.trace
                    .tell(self.now, format_args!("store: {job} is parked"));
                self.statistics.count(FaultKind::JobParked);
                self.checker.parked(job);
            }
        }
    }

    /// One event can be about many jobs: they are written job by job, and what is refused again is at fault.
    fn try_each(
        &mut self,
        epoch: Epoch,
        sealed: &SealedTurn,
        jobs: &BTreeSet<JobId>,
    ) -> Vec<JobId> {
        let mut culprits = Vec::new();
        for job in jobs {
            let part = part_of(sealed, *job, epoch, &self.database);
            let term_ms = self.setting.lease_ms;
            let committed = self
                .database
                .commit(&part, term_ms, self.now, &self.workload);
            match committed.outcome {
                CommitOutcome::Done => self.checker.committed(&part, &self.database),
                CommitOutcome::Refused | CommitOutcome::Surprised => culprits.push(*job),
                CommitOutcome::Fenced | CommitOutcome::Unknown => break,
            }
        }
        culprits
    }
}

fn part_of(sealed: &SealedTurn, job: JobId, epoch: Epoch, database: &Database) -> SealedTurn {
    let of_job = |row: &&JobRow| row.id == job;
    let attempts = sealed.attempts.iter().filter(|row| row.key.job == job);
    let model_time: Timestamp = sealed.model_time;
    SealedTurn {
        epoch,
        turn: database.lease.turn.next(),
        model_time,
        jobs: sealed.jobs.iter().filter(of_job).cloned().collect(),
        attempts: attempts.cloned().collect(),
        nodes: Vec::new(),
        queues: Vec::new(),
    }
}

/// Jobs of the turn that stood in the record before it.
fn stored_jobs(sealed: &SealedTurn) -> BTreeSet<JobId> {
    let inserted = sealed.jobs.iter().filter(|row| row.from.is_none());
    let inserted: BTreeSet<JobId> = inserted.map(|row| row.id).collect();
    let jobs = sealed.jobs.iter().map(|row| row.id);
    let touched = jobs.chain(sealed.attempts.iter().map(|row| row.key.job));
    touched.filter(|job| !inserted.contains(job)).collect()
}

/// Several reports in one message become several units.
pub(super) fn divide(message: Control, units: &mut VecDeque<Unit>) {
    match message {
        Control::Join {
            session,
            mut join,
            connection,
        } => {
            for report in std::mem::take(&mut join.reports.reports) {
                let node = NodeName::clone(&join.node);
                units.push_back(Unit::Recover { node, report });
            }
            units.push_back(Unit::Control(Control::Join {
                session,
                join,
                connection,
            }));
        }
        Control::Reports { session, batch } => {
            let first = batch.sequence + 1 - batch.reports.len() as u64;
            for (sequence, report) in (first..).zip(batch.reports) {
                let batch = ReportBatch {
                    sequence,
                    reports: vec![report],
                };
                units.push_back(Unit::Control(Control::Reports { session, batch }));
            }
        }
        Control::Left { .. } => units.push_back(Unit::Control(message)),
    }
}
