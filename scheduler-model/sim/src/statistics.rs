//! What happened, counted, to see that everything did.

use std::{collections::BTreeMap, ops::AddAssign};

use drover_model::TaskState;

use crate::faults::{CrashPoint, FaultKind};

/// Every arrow of the diagram in `drover_model`'s documentation, as it shows in transitions: an undo step shows as a state
/// of its task.
pub const ARROWS: &[(TaskState, TaskState)] = &[
    (TaskState::Pending, TaskState::Queued),
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
    (TaskState::Stopping, TaskState::TimedOut),
    (TaskState::Stopping, TaskState::Cancelled),
    (TaskState::Retrying, TaskState::Queued),
    (TaskState::Retrying, TaskState::Cancelled),
    (TaskState::Succeeded, TaskState::Undoing),
    (TaskState::Undoing, TaskState::Undone),
    (TaskState::Undoing, TaskState::UndoFailed),
];

/// Arrows that are taken in one step and show as one, and such that lead back to the same state.
const SHORT_CUTS: &[(TaskState, TaskState)] = &[
    // Retried without a backoff.
    (TaskState::Assigned, TaskState::Queued),
    (TaskState::Running, TaskState::Queued),
    (TaskState::Stopping, TaskState::Queued),
    // For another reason.
    (TaskState::Stopping, TaskState::Stopping),
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
}

impl Statistics {
    pub fn count(&mut self, kind: FaultKind) {
        *self.faults.entry(kind).or_default() += 1;
    }

    pub fn crash(&mut self, point: CrashPoint) {
        *self.crashes.entry(point).or_default() += 1;
    }

    /// `from`: unknown right after a load.
    pub fn transition(&mut self, from: Option<TaskState>, to: TaskState) {
        if let Some(from) = from {
            *self.transitions.entry((from, to)).or_default() += 1;
        }
    }

    /// Name and number of everything that has to happen.
    pub fn rows(&self) -> Vec<(String, u64)> {
        let faults = FaultKind::ALL.iter().map(|kind| {
            let count = self.faults.get(kind).copied().unwrap_or_default();
            (format!("fault: {kind}"), count)
        });
        let crashes = CrashPoint::ALL.iter().map(|point| {
            let count = self.crashes.get(point).copied().unwrap_or_default();
            (format!("crash: {point}"), count)
        });
        let arrows = ARROWS.iter().map(|(from, to)| {
            let count = self
                .transitions
                .get(&(*from, *to))
                .copied()
                .unwrap_or_default();
            (format!("task: {from} -> {to}"), count)
        });
        faults.chain(crashes).chain(arrows).collect()
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
        for (kind, count) in &other.faults {
            *self.faults.entry(*kind).or_default() += count;
        }
        for (point, count) in &other.crashes {
            *self.crashes.entry(*point).or_default() += count;
        }
        for (arrow, count) in &other.transitions {
            *self.transitions.entry(*arrow).or_default() += count;
        }
    }
}
