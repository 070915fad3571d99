//! Whether promises are kept, judged by the rows of the store, by what was said to people and agents, and by what the
//! simulated processes did. Nothing here asks the machines what they think.

mod drain;
mod end;
mod explain;
mod groups;
mod operators;
mod order;
mod physical;
mod place;
mod policy;
mod preempt;
mod quarantine;
mod record;
mod retries;
mod said;
mod step;
mod success;
mod tally;
mod topology;
mod urgency;
mod view;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use drover_model::{
    AttemptKey, AttemptRow, Epoch, JobId, JobSpec, NodeName, Outcome, Preemption, Report, Snapshot,
    StepSpec, Timestamp, cluster::Quarantine,
};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::faults::{
    occasion::Occasion,
    setting::Setting,
    workload::{PlannedJob, Workload},
    world::{database::Database, moment::Moment},
};
use physical::Truth;
use quarantine::Losses;
pub use step::Added;
use step::Stepped;
use tally::Tally;
use urgency::Urgency;
use view::View;

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub promise: &'static str,
    pub what: String,
    pub at: Moment,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}: broken: {}: {}", self.at, self.promise, self.what)
    }
}

/// What is known independently of the machines.
#[derive(Debug)]
pub struct Checker {
    pub now: Moment,
    /// The first that was found.
    pub violation: Option<Violation>,
    /// What was met since somebody last counted.
    pub occasions: Vec<Occasion>,
    workload: Arc<Workload>,
    node_timeout_ms: u64,
    agents: Vec<Arc<str>>,
    /// Of the agents.
    addresses: Vec<Arc<str>>,
    capacities: Vec<Tally>,
    /// Epochs grow; the newest.
    epoch: Epoch,
    model_time: Timestamp,
    /// In use, by the record.
    policy: Arc<str>,
    /// Of each coordinator: the epoch it stepped in last, and the model time then.
    stepped: FxHashMap<usize, (Epoch, Timestamp)>,
    /// The same of the last step that saw to timers.
    ticked: FxHashMap<usize, (Epoch, Timestamp)>,
    /// By coordinator: what its leadership knows, while it lasts.
    views: Vec<Option<Box<View>>>,
    /// What the step under way is about.
    stepping: Stepped,
    /// Attempts of which agents say in the step under way that they have ended, and how.
    reported: FxHashMap<AttemptKey, Outcome>,
    /// What the step under way proposes to stop.
    preemptions: Vec<Preemption>,
    /// Tasks for which others were stopped: the place that was made is theirs, whoever else waits.
    claims: FxHashSet<(JobId, u32)>,
    /// Such as were stopped to run elsewhere, and had ended before anybody heard of it.
    given_up: FxHashSet<AttemptKey>,
    /// Which of the workload each job is that some coordinator has taken in.
    numbers: FxHashMap<JobId, u32>,
    quarantine: Quarantine,
    /// By coordinator and node.
    losses: FxHashMap<(usize, NodeName), Losses>,
    /// Priority orders, and nothing grows old before it.
    priority_orders: bool,
    urgencies: FxHashMap<JobId, Urgency>,
    truth: BTreeMap<AttemptKey, Truth>,
    /// Agents that were ever stopped, with when last: they cannot fence what they run.
    paused: FxHashMap<usize, Moment>,
    /// When a leader last heard from an agent, by agent and coordinator.
    heard: FxHashMap<(usize, usize), Moment>,
    /// By agent: what its last incarnation left in its journal and has not sent.
    journals: FxHashMap<usize, Vec<Report>>,
    /// Attempts whose end some incarnation found in its journal.
    recovered: FxHashSet<AttemptKey>,
    acknowledged: BTreeSet<JobId>,
    /// By request id: the job that it stands for.
    request_ids: BTreeMap<(Arc<str>, Arc<str>), JobId>,
    parked: FxHashSet<JobId>,
    /// Jobs that are open and have attempts that hold capacity, by node.
    active: BTreeMap<Arc<str>, BTreeSet<AttemptKey>>,
}

impl Checker {
    pub fn new(setting: &Setting, workload: Arc<Workload>) -> Self {
        Self {
            now: Moment::default(),
            violation: None,
            occasions: Vec::new(),
            workload,
            node_timeout_ms: setting.node_timeout_ms,
            policy: setting.policy.name().into(),
            capacities: setting
                .agents
                .iter()
                .map(|agent| Tally::of(&agent.capacity))
                .collect(),
            agents: setting
                .agents
                .iter()
                .map(|agent| agent.name.clone())
                .collect(),
            addresses: setting
                .agents
                .iter()
                .map(|agent| agent.lasting_attributes().address.clone())
                .collect(),
            epoch: Epoch::default(),
            model_time: Timestamp::default(),
            stepped: FxHashMap::default(),
            ticked: FxHashMap::default(),
            views: (0..setting.coordinators).map(|_| None).collect(),
            stepping: Stepped::Other,
            reported: FxHashMap::default(),
            preemptions: Vec::new(),
            claims: FxHashSet::default(),
            given_up: FxHashSet::default(),
            numbers: FxHashMap::default(),
            quarantine: setting.quarantine,
            losses: FxHashMap::default(),
            priority_orders: setting.priority_orders(),
            urgencies: FxHashMap::default(),
            truth: BTreeMap::new(),
            paused: FxHashMap::default(),
            heard: FxHashMap::default(),
            journals: FxHashMap::default(),
            recovered: FxHashSet::default(),
            acknowledged: BTreeSet::new(),
            request_ids: BTreeMap::new(),
            parked: FxHashSet::default(),
            active: BTreeMap::new(),
        }
    }

    /// The first broken promise counts.
    pub fn fail(&mut self, promise: &'static str, what: String) {
        let at = self.now;
        self.violation
            .get_or_insert(Violation { promise, what, at });
    }

    fn require(&mut self, holds: bool, promise: &'static str, what: impl FnOnce() -> String) {
        if !holds {
            self.fail(promise, what());
        }
    }

    /// What the job of that row was asked to be.
    fn spec(&self, database: &Database, job: JobId) -> Option<Arc<JobSpec>> {
        let stored = database.jobs.get(&job)?;
        Some(Arc::clone(&self.workload.jobs[stored.number as usize].spec))
    }

    /// The same of a job that perhaps is not stored yet.
    fn planned(&self, job: JobId) -> Option<Arc<PlannedJob>> {
        let number = self.numbers.get(&job)?;
        Some(Arc::clone(&self.workload.jobs[*number as usize]))
    }

    /// A leadership begins with this.
    pub fn leads(&mut self, coordinator: usize, snapshot: &Snapshot, careful: bool) {
        self.views[coordinator] = Some(Box::new(View::of(snapshot, careful)));
    }

    pub fn parked(&mut self, job: JobId) {
        self.parked.insert(job);
        for held in self.active.values_mut() {
            held.retain(|key| key.job != job);
        }
    }
}

/// A task, or behind all tasks the undo step of one.
pub(crate) fn step_of(spec: &JobSpec, place: u32) -> Option<&StepSpec> {
    let count = spec.tasks.len();
    match spec.tasks.get(place as usize) {
        Some(task) => task.step.as_ref(),
        None => spec.tasks.get(place as usize - count)?.undo.as_ref(),
    }
}

/// In words, for people.
pub(crate) fn history<'a>(rows: impl Iterator<Item = &'a AttemptRow>) -> String {
    rows.map(|row| format!("\n    {row:?}")).collect()
}
