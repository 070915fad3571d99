//! Somebody stops a job.

use std::sync::Arc;

use super::{Cluster, job::Counts, jobs::JobSlot, phase::Kind};
use crate::{Action, Answer, CallerId, Cancellation, Effects, Intent, JobId, Refusal, Timestamp};

impl Cluster {
    pub(super) fn cancel(
        &mut self,
        now: Timestamp,
        caller: CallerId,
        id: JobId,
        how: Cancellation,
        reason: &str,
        effects: &mut Effects,
    ) {
        let answer = match self.check_cancel(id, how) {
            Err(refusal) => Answer::Refused(refusal),
            Ok(slot) => {
                self.at_work = Some(id);
                self.carry_out(slot, how, reason, effects);
                self.advance(now, slot, effects);
                self.write_job(slot, now, effects);
                Answer::CancelAccepted
            }
        };
        effects.actions.push(Action::Reply { caller, answer });
    }

    fn check_cancel(&self, id: JobId, how: Cancellation) -> Result<JobSlot, Refusal> {
        let slot = self.jobs.find(id).ok_or(Refusal::NotOpen(id))?;
        let job = self.jobs.get(slot);
        match (how, job.intent) {
            (Cancellation::Abandon, intent) if intent != Intent::Abandon => Ok(slot),
            // What has become of its tasks stays what it is.
            (Cancellation::Stop, Intent::Run | Intent::Fail) if job.stage != Kind::Main => {
                Err(Refusal::Finishing(id))
            }
            (Cancellation::Stop, Intent::Run) => Ok(slot),
            (Cancellation::RollBack, Intent::RollBack) | (Cancellation::Stop, Intent::RollBack) => {
                Err(Refusal::RollingBack(id))
            }
            (Cancellation::RollBack, intent) if intent != Intent::Abandon => {
                if job.stage != Kind::Main {
                    Err(Refusal::Finishing(id))
                } else if job.has_something_to_undo() {
                    Ok(slot)
                } else {
                    Err(Refusal::NothingToUndo(id))
                }
            }
            _ => Err(Refusal::AlreadyCancelling(id)),
        }
    }

    fn carry_out(&mut self, slot: JobSlot, how: Cancellation, reason: &str, effects: &mut Effects) {
        let job = self.jobs.get_mut(slot);
        job.intent = match how {
            Cancellation::Stop => Intent::Cancel,
            Cancellation::RollBack => Intent::RollBack,
            Cancellation::Abandon => Intent::Abandon,
        };
        if !reason.is_empty() {
            job.set_message(Some(Arc::from(reason)));
        }
        self.stop_rest(slot, Kind::Main, effects);
        if how == Cancellation::Abandon {
            self.stop_rest(slot, Kind::Undo, effects);
            self.stop_rest(slot, Kind::Finally, effects);
            let job = self.jobs.get_mut(slot);
            job.forget_undo();
            job.counts = Counts::recompute(&job.tasks);
        }
    }
}
