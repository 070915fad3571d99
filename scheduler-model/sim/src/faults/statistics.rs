//! What happened, counted, to see that everything did.

use std::{collections::BTreeMap, ops::AddAssign};

use drover_model::{AttemptState, TaskState};

use crate::faults::{
    inject::{CrashPoint, FaultKind},
    occasion::Occasion,
};

/// Every arrow of the diagram in `drover_model`'s documentation, as it shows in transitions: an undo step shows as a state
/// of its task.
pub const ARROWS: &[(TaskState, TaskState)] = &[
    (TaskState::Pending, TaskState::Queued),
    (TaskState::Pending, TaskState::Succeeded),
    (TaskState::Pending, TaskState::Cancelled),
    (TaskState::Pending, TaskState::UpstreamFailed),
    (TaskState::Queued, TaskState::Assigned),
    (TaskState::Queued, TaskState::Cancelled),
    (TaskState::Queued, TaskState::TimedOut),
    (TaskState::Assigned, TaskState::Running),
    (TaskState::Assigned, TaskState::Stopping),
    (TaskState::Assigned, TaskState::Retrying),
    (TaskState::Assigned, TaskState::Succeeded),
    (TaskState::Assigned, TaskState::Failed),
    (TaskState::Assigned, TaskState::TimedOut),
    (TaskState::Running, TaskState::Stopping),
    (TaskState::Running, TaskState::Retrying),
    (TaskState::Running, TaskState::Succeeded),
    (TaskState::Running, TaskState::Failed),
    (TaskState::Running, TaskState::TimedOut),
    (TaskState::Stopping, TaskState::Retrying),
    (TaskState::Stopping, TaskState::Succeeded),
    (TaskState::Stopping, TaskState::Failed),
    (TaskState::Stopping, TaskState::TimedOut),
    (TaskState::Stopping, TaskState::Cancelled),
    (TaskState::Retrying, TaskState::Queued),
    (TaskState::Retrying, TaskState::Cancelled),
    (TaskState::Succeeded, TaskState::Undoing),
    (TaskState::Undoing, TaskState::Undone),
    (TaskState::Undoing, TaskState::UndoFailed),
];

/// What becomes of attempts that make room, as it shows in rows. Arrows of tasks do not tell why one is stopped.
const MAKING_ROOM: &[(AttemptState, AttemptState)] = &[
    (AttemptState::Assigned, AttemptState::StoppingRequeue),
    (AttemptState::Running, AttemptState::StoppingRequeue),
    (AttemptState::StoppingRequeue, AttemptState::Requeued),
    (AttemptState::StoppingRequeue, AttemptState::Succeeded),
    (AttemptState::StoppingRequeue, AttemptState::Failed),
    (AttemptState::StoppingRequeue, AttemptState::Lost),
    (AttemptState::StoppingRequeue, AttemptState::Stopping),
    (AttemptState::Succeeded, AttemptState::Requeued),
];

/// Arrows that are taken in one step and show as one, and such that lead back to the same state.
const SHORT_CUTS: &[(TaskState, TaskState)] = &[
    // Retried without a backoff.
    (TaskState::Assigned, TaskState::Queued),
    (TaskState::Running, TaskState::Queued),
    (TaskState::Stopping, TaskState::Queued),
    // For another reason.
    (TaskState::Stopping, TaskState::Stopping),
    // A member of a gang waits for others, before it starts and when it has done its part.
    (TaskState::Queued, TaskState::Queued),
    (TaskState::Running, TaskState::Running),
    (TaskState::Stopping, TaskState::Running),
    // What stands for a group that was stopped when all of it was done.
    (TaskState::Cancelled, TaskState::Succeeded),
    // There was nothing to run.
    (TaskState::Succeeded, TaskState::Undone),
    // Attempts of the undo step.
    (TaskState::Undoing, TaskState::Undoing),
];

/// Of one run, or of many.
#[derive(Clone, Debug, Default)]
pub struct Statistics {
    pub seeds: u64,
    /// Events stepped through the cluster.
    pub steps: u64,
    pub session_steps: u64,
    pub commits: u64,
    pub loads: u64,
    pub load_checks: u64,
    pub consistency_checks: u64,
    pub jobs: u64,
    pub attempts: u64,
    pub model_ms: u64,
    faults: BTreeMap<FaultKind, u64>,
    crashes: BTreeMap<CrashPoint, u64>,
    transitions: BTreeMap<(TaskState, TaskState), u64>,
    occasions: BTreeMap<Occasion, u64>,
    attempt_states: BTreeMap<(AttemptState, AttemptState), u64>,
}

impl Statistics {
    pub fn count(&mut self, kind: FaultKind) {
        *self.faults.entry(kind).or_default() += 1;
    }

    pub fn crash(&mut self, point: CrashPoint) {
        *self.crashes.entry(point).or_default() += 1;
    }

    pub fn meet(&mut self, occasion: Occasion) {
        *self.occasions.entry(occasion).or_default() += 1;
    }

    /// A row of an attempt says so. `from` is none where it begins.
    pub fn attempt(&mut self, from: Option<AttemptState>, to: AttemptState) {
        let arrow = from.map(|from| (from, to));
        if let Some(arrow) = arrow.filter(|arrow| MAKING_ROOM.contains(arrow)) {
            *self.attempt_states.entry(arrow).or_default() += 1;
        }
    }

    /// `from`: unknown right after a load.
    pub fn transition(&mut self, from: Option<TaskState>, to: TaskState) {
        if let Some(from) = from {
            *self.transitions.entry((from, to)).or_default() += 1;
        }
    }

    /// Name and number of everything that has to happen.
    pub fn rows(&self) -> Vec<(String, u64)> {
        let faults = rows(FaultKind::ALL, &self.faults, |kind| {
            format!("fault: {kind}")
        });
        let crashes = rows(CrashPoint::ALL, &self.crashes, |point| {
            format!("crash: {point}")
        });
        let arrows = rows(ARROWS, &self.transitions, |(from, to)| {
            format!("task: {from} -> {to}")
        });
        let occasions = rows(Occasion::ALL, &self.occasions, |occasion| {
            format!("placement: {occasion}")
        });
        let attempts = rows(MAKING_ROOM, &self.attempt_states, |(from, to)| {
            format!("attempt: {from} -> {to}")
        });
        let all = faults.chain(crashes).chain(arrows);
        all.chain(occasions).chain(attempts).collect()
    }

    /// Arrows that were seen and are not listed.
    pub fn surprising(&self) -> Vec<(TaskState, TaskState)> {
        let seen = self.transitions.keys().copied();
        seen.filter(|arrow| !ARROWS.contains(arrow) && !SHORT_CUTS.contains(arrow))
            .collect()
    }
}

impl AddAssign<&Self> for Statistics {
    fn add_assign(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.steps += other.steps;
        self.session_steps += other.session_steps;
        self.commits += other.commits;
        self.loads += other.loads;
        self.load_checks += other.load_checks;
        self.consistency_checks += other.consistency_checks;
        self.jobs += other.jobs;
        self.attempts += other.attempts;
        self.model_ms += other.model_ms;
        add(&mut self.faults, &other.faults);
        add(&mut self.crashes, &other.crashes);
        add(&mut self.transitions, &other.transitions);
        add(&mut self.occasions, &other.occasions);
        add(&mut self.attempt_states, &other.attempt_states);
    }
}

type Counts<Kind> = BTreeMap<Kind, u64>;

fn rows<Kind: Ord + Copy>(
    all: &[Kind],
    counts: &Counts<Kind>,
    name: impl Fn(Kind) -> String,
) -> impl Iterator<Item = (String, u64)> {
    all.iter().map(move |kind| {
        let count = counts.get(kind).copied().unwrap_or_default();
        (name(*kind), count)
    })
}

fn add<Kind: Ord + Copy>(counts: &mut Counts<Kind>, others: &Counts<Kind>) {
    for (kind, count) in others {
        *counts.entry(*kind).or_default() += count;
    }
}
