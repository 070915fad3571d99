//! A store in memory with the guards of the real ones.

use std::collections::BTreeMap;

use drover_model::{
    AttemptKey, AttemptRow, Epoch, EstimateRow, JobId, JobRow, JobSpec, Learned, LoadedJob,
    NewJobRow, NodeName, NodeRow, Snapshot, TurnNumber, turn::SealedTurn,
};

#[derive(Default)]
pub struct MemoryStore {
    pub turn: TurnNumber,
    pub jobs: BTreeMap<JobId, (JobRow, NewJobRow)>,
    pub attempts: BTreeMap<AttemptKey, AttemptRow>,
    pub nodes: BTreeMap<NodeName, NodeRow>,
    /// The version in use, once somebody has said.
    pub policy: Option<std::sync::Arc<str>>,
    pub estimates: BTreeMap<(u64, Option<NodeName>), EstimateRow>,
    /// The border decodes these from the stored bytes; tests keep them as they are.
    pub specs: BTreeMap<JobId, JobSpec>,
}

impl MemoryStore {
    pub fn commit(&mut self, sealed: &SealedTurn) {
        assert_eq!(sealed.turn, self.turn.next(), "turns are serial");
        self.turn = sealed.turn;
        for row in &sealed.jobs {
            self.write_job(row);
        }
        for row in &sealed.attempts {
            self.write_attempt(row);
        }
        for row in &sealed.nodes {
            self.nodes.insert(row.name.clone(), row.clone());
        }
        if let Some(last) = sealed.policy_events.last() {
            self.policy = Some(last.to.clone());
        }
        self.write_estimates(&sealed.estimates);
    }

    /// What is forgotten goes first.
    fn write_estimates(&mut self, rows: &[EstimateRow]) {
        let is_forgotten = |row: &&EstimateRow| row.learned == Learned::Forgotten;
        for forgotten in rows.iter().filter(is_forgotten) {
            self.estimates
                .retain(|(signature, _), _| *signature != forgotten.signature);
        }
        for row in rows.iter().filter(|row| !is_forgotten(row)) {
            let key = (row.signature, row.node.clone());
            self.estimates.insert(key, row.clone());
        }
    }

    fn write_job(&mut self, row: &JobRow) {
        let Some(from) = row.from else {
            let fixed = row
                .new
                .as_deref()
                .expect("an insert has the fixed part")
                .clone();
            let old = self.jobs.insert(
                row.id,
                (
                    JobRow {
                        new: None,
                        ..row.clone()
                    },
                    fixed,
                ),
            );
            assert!(old.is_none(), "job {} is inserted once", row.id);
            return;
        };
        let (stored, _) = self.jobs.get_mut(&row.id).expect("an update finds its row");
        assert_eq!(
            stored.state, from,
            "job {} is guarded by its old state",
            row.id
        );
        stored.state = row.state;
        stored.intent = row.intent;
        stored.started_at = row.started_at.or(stored.started_at);
        stored.ended_at = row.ended_at.or(stored.ended_at);
        stored.message = row.message.clone().or(stored.message.take());
    }

    fn write_attempt(&mut self, row: &AttemptRow) {
        let Some(from) = row.from else {
            let old = self.attempts.insert(row.key, row.clone());
            assert!(old.is_none(), "{:?} is inserted once", row.key);
            return;
        };
        let stored = self
            .attempts
            .get_mut(&row.key)
            .expect("an update finds its row");
        assert_eq!(
            stored.state, from,
            "{:?} is guarded by its old state",
            row.key
        );
        stored.state = row.state;
        stored.started_at = row.started_at.or(stored.started_at);
        stored.ended_at = row.ended_at.or(stored.ended_at);
        stored.exit_code = row.exit_code.or(stored.exit_code);
        stored.message = row.message.clone().or(stored.message.take());
        stored.retry_at = row.retry_at.or(stored.retry_at);
    }

    /// By task and number.
    pub fn attempts_of(&self, job: JobId) -> Vec<AttemptRow> {
        let attempts = self.attempts.values();
        attempts
            .filter(|attempt| attempt.key.job == job)
            .cloned()
            .collect()
    }

    pub fn snapshot(&self, epoch: Epoch) -> Snapshot {
        Snapshot {
            epoch,
            turn: self.turn,
            nodes: self.nodes.values().cloned().collect(),
            estimates: self.estimates.values().cloned().collect(),
            jobs: self
                .jobs
                .values()
                .filter(|(row, _)| !row.state.is_final())
                .map(|(row, fixed)| LoadedJob {
                    row: JobRow {
                        from: None,
                        ..row.clone()
                    },
                    submitted_at: fixed.submitted_at,
                    traceparent: fixed.traceparent.clone(),
                    spec: self.specs[&row.id].clone(),
                    attempts: self.attempts_of(row.id),
                })
                .collect(),
            ..Snapshot::default()
        }
    }
}
