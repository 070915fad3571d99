//! What one leadership has been told and has decided so far, durable or not, kept without its help.

use std::collections::BTreeMap;

use drover_model::{
    Admission, AttemptKey, AttemptRow, AttemptState, CallerId, Epoch, Event, Intent, JobId, JobRow,
    JobSpec, Join, NodeAttributes, NodeChange, NodeName, NodeOverrides, NodeRow, Snapshot,
    Timestamp,
};
use rustc_hash::FxHashMap;

use super::{groups::gang_of, tally::Tally};

#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) epoch: Epoch,
    /// One timer a tick, one placement a round.
    pub(super) careful: bool,
    pub(super) hosts: BTreeMap<NodeName, Host>,
    intents: FxHashMap<JobId, Intent>,
    /// Where others were asked to stop for a task that has not started since.
    places: BTreeMap<(JobId, u32), NodeName>,
    /// By step: attempts that counted as failures and were followed by another. Of a gang by its first member.
    failures: FxHashMap<(JobId, u32), u32>,
}

/// A node, as agents and operators tell of it.
#[derive(Debug)]
pub(super) struct Host {
    incarnation: u64,
    given: NodeAttributes,
    /// By operators, since they put something in the place of all before, in order.
    said: Vec<NodeOverrides>,
    /// What counts.
    pub(super) attributes: NodeAttributes,
    pub(super) capacity: Tally,
    pub(super) admission: Admission,
    /// Who spoke of it last in this leadership.
    pub(super) changed_by: Option<CallerId>,
    /// Attempts that hold its resources.
    pub(super) active: BTreeMap<AttemptKey, AttemptState>,
}

impl View {
    /// As loaded.
    pub(super) fn of(snapshot: &Snapshot, careful: bool) -> Self {
        let mut view = Self {
            epoch: snapshot.epoch,
            careful,
            ..Self::default()
        };
        for row in &snapshot.nodes {
            view.hosts.insert(row.name.clone(), Host::recorded(row));
        }
        for job in &snapshot.jobs {
            view.intents.insert(job.row.id, job.row.intent);
            for row in &job.attempts {
                view.note_attempt(first_of(&job.spec, row.key.task), row);
            }
        }
        view
    }

    /// Before the event is stepped.
    pub(super) fn hear(&mut self, now: Timestamp, event: &Event) {
        match event {
            Event::Join { join, .. } => self.join(join),
            Event::ChangeNode {
                caller,
                node,
                change,
            } => {
                if let Some(host) = self.hosts.get_mut(node) {
                    host.changed_by = Some(*caller);
                    host.change(now, change);
                }
            }
            Event::Relax => self.careful = false,
            Event::Dispatch(decision) => {
                for preemption in &decision.preemptions {
                    let task = (preemption.job, preemption.task);
                    self.places.insert(task, preemption.node.clone());
                }
            }
            _ => {}
        }
    }

    /// An older incarnation has nothing to say any more.
    fn join(&mut self, join: &Join) {
        let fresh = || Host::joined(join);
        let host = self.hosts.entry(join.node.clone()).or_insert_with(fresh);
        if join.incarnation >= host.incarnation {
            host.incarnation = join.incarnation;
            host.capacity = Tally::of(&join.capacity);
            host.given = join.attributes.clone();
            host.count();
        }
    }

    /// `first`: of its gang, or itself.
    pub(super) fn note_attempt(&mut self, first: u32, row: &AttemptRow) {
        if let Some(host) = self.hosts.get_mut(&row.node) {
            if row.state.is_final() {
                host.active.remove(&row.key);
            } else {
                host.active.insert(row.key, row.state);
            }
        }
        if row.state == AttemptState::Assigned {
            self.places.remove(&(row.key.job, row.key.task));
        }
        let failed = matches!(row.state, AttemptState::Failed | AttemptState::TimedOut);
        if failed && row.retry_at.is_some() {
            let step = (row.key.job, first);
            *self.failures.entry(step).or_default() += 1;
        }
    }

    pub(super) fn note_job(&mut self, row: &JobRow) {
        self.intents.insert(row.id, row.intent);
    }

    pub(super) fn intent(&self, job: JobId) -> Option<Intent> {
        self.intents.get(&job).copied()
    }

    /// For how many tasks a place is being made there, as far as is known: some of them may not want it any more.
    pub(super) fn places_on(&self, node: &NodeName) -> usize {
        self.places.values().filter(|on| *on == node).count()
    }

    pub(super) fn failures(&self, job: JobId, first: u32) -> u32 {
        self.failures
            .get(&(job, first))
            .copied()
            .unwrap_or_default()
    }
}

/// The first member of the gang that a task belongs to, or the task.
pub(super) fn first_of(spec: &JobSpec, place: u32) -> u32 {
    gang_of(spec, place).map_or(place, |gang| gang.first)
}

impl Host {
    fn recorded(row: &NodeRow) -> Self {
        let mut host = Self {
            incarnation: row.incarnation,
            given: row.given.clone(),
            said: vec![row.overrides.clone()],
            attributes: NodeAttributes::default(),
            capacity: Tally::of(&row.capacity),
            admission: row.admission,
            changed_by: None,
            active: BTreeMap::new(),
        };
        host.count();
        host
    }

    fn joined(join: &Join) -> Self {
        Self {
            incarnation: join.incarnation,
            given: join.attributes.clone(),
            said: Vec::new(),
            attributes: join.attributes.clone(),
            capacity: Tally::of(&join.capacity),
            admission: Admission::Open,
            changed_by: None,
            active: BTreeMap::new(),
        }
    }

    fn change(&mut self, now: Timestamp, change: &NodeChange) {
        match change {
            NodeChange::Override(overrides) => self.said.push((**overrides).clone()),
            NodeChange::Replace(overrides) => self.said = vec![(**overrides).clone()],
            NodeChange::Cordon => self.admission = Admission::Cordoned,
            NodeChange::Uncordon => self.admission = Admission::Open,
            NodeChange::Drain { after_ms } => {
                let deadline = after_ms.map(|ms| now.plus_ms(ms));
                self.admission = Admission::Draining { deadline };
            }
        }
        self.count();
    }

    fn count(&mut self) {
        self.attributes = said_of(&self.given, &self.said);
    }

    /// Whether a row tells of the same node.
    pub(super) fn is_recorded_by(&self, row: &NodeRow) -> bool {
        let recorded = said_of(&row.given, std::slice::from_ref(&row.overrides));
        recorded == said_of(&row.given, &self.said) && row.admission == self.admission
    }

    /// When what runs there has to stop.
    pub(super) fn drained_at(&self) -> Option<Timestamp> {
        match self.admission {
            Admission::Draining { deadline } => deadline,
            Admission::Open | Admission::Cordoned => None,
        }
    }
}

/// Word by word: the last counts.
fn said_of(given: &NodeAttributes, said: &[NodeOverrides]) -> NodeAttributes {
    let mut node = given.clone();
    for words in said {
        for name in &words.without_labels {
            node.labels.remove(name);
        }
        for (name, value) in &words.labels {
            node.labels.insert(name.clone(), value.clone());
        }
        if let Some(class) = words.class {
            node.class = class;
        }
        if let Some(region) = &words.region {
            node.region = Some(region.clone()).filter(|text| !text.is_empty());
        }
        if let Some(model) = &words.gpu_model {
            node.gpu_model = Some(model.clone()).filter(|text| !text.is_empty());
        }
        node.latency_ms = words.latency_ms.unwrap_or(node.latency_ms);
        node.cost_per_hour_micros = words
            .cost_per_hour_micros
            .unwrap_or(node.cost_per_hour_micros);
        node.power_watts = words.power_watts.unwrap_or(node.power_watts);
    }
    node
}
