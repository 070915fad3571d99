//! One turn, one transaction.

use drover_model::{
    AttemptRow, EstimateRow, JobRow, JobState, Learned, NodeRow,
    turn::{CommitOutcome, SealedTurn},
};

use super::{Database, StoredJob, guard::Refusal};
use crate::faults::{inject::PlantedBug, workload::Workload, world::moment::Moment};

/// What became of a commit, and why nothing was written if nothing was.
pub struct Committed {
    pub outcome: CommitOutcome,
    pub why: String,
}

impl Database {
    pub fn commit(
        &mut self,
        turn: &SealedTurn,
        term_ms: u64,
        now: Moment,
        workload: &Workload,
    ) -> Committed {
        match self.write(turn, term_ms, now, workload) {
            Ok(()) => Committed {
                outcome: CommitOutcome::Done,
                why: String::new(),
            },
            Err(Refusal::Fenced) => Committed {
                outcome: CommitOutcome::Fenced,
                why: "fenced".to_owned(),
            },
            Err(Refusal::Guard(why)) => Committed {
                outcome: CommitOutcome::Surprised,
                why,
            },
            Err(Refusal::Content(why)) => Committed {
                outcome: CommitOutcome::Refused,
                why,
            },
        }
    }

    fn write(
        &mut self,
        turn: &SealedTurn,
        term_ms: u64,
        now: Moment,
        workload: &Workload,
    ) -> Result<(), Refusal> {
        let fence = self.lease.epoch == turn.epoch && self.lease.turn.next() == turn.turn;
        let open_door = self.planted == Some(PlantedBug::StoreForgetsEpoch);
        if !fence && !open_door {
            return Err(Refusal::Fenced);
        }
        if std::mem::take(&mut self.refuse_once) {
            return Err(Refusal::Content("refused once".to_owned()));
        }
        if !open_door {
            self.check(turn, workload)?;
        }
        self.lease.turn = turn.turn;
        self.lease.model_time = turn.model_time;
        self.lease.expires_at = now.plus_ms(term_ms);
        if self.planted == Some(PlantedBug::StoreLosesRows) && turn.turn.0.is_multiple_of(64) {
            return Ok(());
        }
        turn.jobs.iter().for_each(|row| self.write_job(row));
        turn.attempts.iter().for_each(|row| self.write_attempt(row));
        turn.nodes.iter().for_each(|row| self.write_node(row));
        for row in &turn.queues {
            let key = (row.namespace.clone(), row.name.clone());
            self.queues.insert(key, row.clone());
        }
        if let Some(last) = turn.policy_events.last() {
            self.policy = Some(last.to.clone());
        }
        turn.estimates.iter().for_each(|row| self.learn(row));
        Ok(())
    }

    fn learn(&mut self, row: &EstimateRow) {
        if row.learned == Learned::Forgotten {
            self.estimates
                .retain(|(signature, _), _| *signature != row.signature);
            return;
        }
        let key = (row.signature, row.node.clone());
        self.estimates.insert(key, row.learned.clone());
    }

    fn write_job(&mut self, row: &JobRow) {
        if let Some(new) = row.new.as_deref() {
            if let Some(request_id) = &new.request_id {
                let key = (new.namespace.clone(), request_id.clone());
                self.requests.insert(key, row.id);
            }
            if let Some(replayed) = new.replay_of {
                self.dead_letters.remove(&replayed);
            }
            let stored = StoredJob {
                row: JobRow {
                    new: None,
                    ..row.clone()
                },
                number: number_of(&new.stored_spec),
                fixed: new.clone(),
            };
            self.jobs.insert(row.id, stored);
        } else if let Some(stored) = self.jobs.get_mut(&row.id) {
            let stored = &mut stored.row;
            stored.state = row.state;
            stored.intent = row.intent;
            stored.started_at = row.started_at.or(stored.started_at);
            stored.ended_at = row.ended_at.or(stored.ended_at);
            stored.message = row.message.clone().or(stored.message.take());
        }
        self.file(row);
    }

    /// Under the open jobs, or under the dead letters.
    fn file(&mut self, row: &JobRow) {
        if !row.state.is_final() {
            self.open.insert(row.id);
            return;
        }
        self.open.remove(&row.id);
        let forgotten = self.planted == Some(PlantedBug::StoreForgetsDeadLetters)
            && row.state == JobState::Failed;
        if row.state.is_dead() && !forgotten {
            self.dead_letters.insert(row.id);
        }
    }

    fn write_attempt(&mut self, row: &AttemptRow) {
        let Some(stored) = self.attempts.get_mut(&row.key) else {
            self.attempts.insert(
                row.key,
                AttemptRow {
                    from: None,
                    ..row.clone()
                },
            );
            return;
        };
        stored.state = row.state;
        stored.started_at = row.started_at.or(stored.started_at);
        stored.ended_at = row.ended_at.or(stored.ended_at);
        stored.exit_code = row.exit_code.or(stored.exit_code);
        stored.message = row.message.clone().or(stored.message.take());
        stored.retry_at = row.retry_at.or(stored.retry_at);
    }

    fn write_node(&mut self, row: &NodeRow) {
        let before = self.nodes.insert(row.name.clone(), row.clone());
        let forgets = self.planted == Some(PlantedBug::StoreForgetsAdmission);
        if let (true, Some(before), Some(row)) = (forgets, before, self.nodes.get_mut(&row.name)) {
            row.admission = before.admission;
        }
    }
}

/// A job's stored words are its number in the workload, in four bytes.
pub(crate) fn number_of(stored_spec: &[u8]) -> u32 {
    let bytes = stored_spec.first_chunk().expect("four bytes");
    u32::from_be_bytes(*bytes)
}
