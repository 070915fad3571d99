//! The durable record: as strict as the real stores. Old states stand in every guard, and nothing is written unless all
//! of a turn can be.

mod commit;
mod guard;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use drover_model::{
    AttemptKey, AttemptRow, AttemptState, Epoch, EstimateRow, Intent, JobId, JobRow, JobSpec,
    JobState, Learned, LoadedJob, NewJobRow, NodeName, NodeRow, QueueRow, Snapshot, Timestamp,
    TurnNumber,
};

use super::moment::Moment;
use crate::faults::{inject::PlantedBug, workload::Workload};
pub(crate) use commit::number_of;

/// The row that fences leaders.
#[derive(Clone, Debug, Default)]
pub struct LeaseRow {
    pub epoch: Epoch,
    pub turn: TurnNumber,
    /// Empty: nobody.
    pub holder: String,
    /// By the clock of the database.
    pub expires_at: Moment,
    pub model_time: Timestamp,
}

/// A job as stored.
#[derive(Clone, Debug)]
pub struct StoredJob {
    pub row: JobRow,
    pub fixed: NewJobRow,
    /// Its place in the workload.
    pub number: u32,
}

/// A request id that is known.
#[derive(Clone, Debug)]
pub struct FoundRequest {
    pub namespace: Arc<str>,
    pub request_id: Arc<str>,
    pub job: JobId,
    pub stored_spec: bytes::Bytes,
}

pub enum Acquired {
    Leader(Epoch),
    HeldFor { ms: u64, holder: String },
}

#[derive(Debug, Default)]
pub struct Database {
    pub lease: LeaseRow,
    pub jobs: BTreeMap<JobId, StoredJob>,
    pub open: BTreeSet<JobId>,
    pub attempts: BTreeMap<AttemptKey, AttemptRow>,
    pub nodes: BTreeMap<NodeName, NodeRow>,
    pub queues: BTreeMap<(Arc<str>, Arc<str>), QueueRow>,
    /// In use, once somebody has said.
    pub policy: Option<Arc<str>>,
    pub dead_letters: BTreeSet<JobId>,
    /// By signature and node.
    pub estimates: BTreeMap<(u64, Option<NodeName>), Learned>,
    requests: BTreeMap<(Arc<str>, Arc<str>), JobId>,
    planted: Option<PlantedBug>,
    /// The next commit is refused for its content, once.
    pub(super) refuse_once: bool,
}

impl Database {
    pub fn new(planted: Option<PlantedBug>) -> Self {
        Self {
            planted,
            ..Self::default()
        }
    }

    pub fn acquire(&mut self, holder: &str, term_ms: u64, now: Moment) -> Acquired {
        let lease = &mut self.lease;
        let free = lease.holder.is_empty() || lease.holder == holder || lease.expires_at <= now;
        if !free {
            return Acquired::HeldFor {
                ms: lease.expires_at.ms_since(now) + 1,
                holder: lease.holder.clone(),
            };
        }
        lease.epoch.0 += 1;
        lease.holder = holder.to_owned();
        lease.expires_at = now.plus_ms(term_ms);
        Acquired::Leader(lease.epoch)
    }

    pub fn resign(&mut self, epoch: Epoch) {
        if self.lease.epoch == epoch {
            self.lease.holder.clear();
            self.lease.expires_at = Moment::default();
        }
    }

    /// `None`: another leads by now.
    pub fn load(&self, epoch: Epoch, workload: &Workload) -> Option<Snapshot> {
        (self.lease.epoch == epoch).then(|| self.snapshot(workload))
    }

    pub fn snapshot(&self, workload: &Workload) -> Snapshot {
        Snapshot {
            epoch: self.lease.epoch,
            turn: self.lease.turn,
            model_time: self.lease.model_time,
            nodes: self.nodes.values().cloned().collect(),
            jobs: self
                .open
                .iter()
                .map(|id| self.loaded(*id, workload))
                .collect(),
            estimates: self.learned(),
        }
    }

    fn learned(&self) -> Vec<EstimateRow> {
        let rows = self.estimates.iter();
        let rows = rows.map(|((signature, node), learned)| EstimateRow {
            signature: *signature,
            node: node.clone(),
            learned: learned.clone(),
        });
        rows.collect()
    }

    fn loaded(&self, id: JobId, workload: &Workload) -> LoadedJob {
        let StoredJob { row, fixed, number } = &self.jobs[&id];
        let mut spec = JobSpec::clone(&workload.jobs[*number as usize].spec);
        if let Some(bug) = self.planted {
            bug.corrupt_spec(&mut spec);
        }
        LoadedJob {
            row: row.clone(),
            submitted_at: fixed.submitted_at,
            traceparent: fixed.traceparent.clone(),
            spec,
            attempts: self.attempts_of(id).cloned().collect(),
        }
    }

    /// By step and number.
    pub fn attempts_of(&self, job: JobId) -> impl DoubleEndedIterator<Item = &AttemptRow> {
        let key = |task, attempt| AttemptKey { job, task, attempt };
        self.attempts
            .range(key(0, 0)..=key(u32::MAX, u32::MAX))
            .map(|(_, row)| row)
    }

    /// In the order of their numbers.
    pub fn attempts_at(
        &self,
        job: JobId,
        task: u32,
    ) -> impl DoubleEndedIterator<Item = &AttemptRow> {
        let key = |attempt| AttemptKey { job, task, attempt };
        self.attempts
            .range(key(0)..=key(u32::MAX))
            .map(|(_, row)| row)
    }

    pub fn find_requests(
        &self,
        requests: &[(Arc<str>, Arc<str>)],
    ) -> (TurnNumber, Vec<FoundRequest>) {
        let found = requests
            .iter()
            .filter_map(|key| {
                let job = *self.requests.get(key)?;
                Some(FoundRequest {
                    namespace: Arc::clone(&key.0),
                    request_id: Arc::clone(&key.1),
                    job,
                    stored_spec: self.jobs[&job].fixed.stored_spec.clone(),
                })
            })
            .collect();
        (self.lease.turn, found)
    }

    /// Ends a job in the record, because the model cannot. False: it is not open.
    pub fn park(&mut self, job: JobId, now: Timestamp, reason: &str) -> bool {
        if !self.open.remove(&job) {
            return false;
        }
        let stored = self.jobs.get_mut(&job).expect("open jobs are stored");
        let rolls_back =
            stored.row.state == JobState::RollingBack || stored.row.intent == Intent::RollBack;
        stored.row.state = if rolls_back {
            JobState::RollbackFailed
        } else {
            JobState::Failed
        };
        stored.row.intent = Intent::Abandon;
        stored.row.ended_at = Some(now);
        stored.row.message = Some(reason.into());
        self.dead_letters.insert(job);
        let active: Vec<AttemptKey> = self
            .attempts_of(job)
            .filter(|row| !row.state.is_final())
            .map(|row| row.key)
            .collect();
        for key in active {
            let row = self.attempts.get_mut(&key).expect("just listed");
            row.state = AttemptState::Lost;
            let begun_at = row.started_at.unwrap_or(row.assigned_at);
            row.ended_at = row.ended_at.or(Some(now.max(begun_at)));
        }
        true
    }
}
