//! Somebody asks to cancel a job.

use std::sync::Arc;

use super::Cluster;
use crate::{Action, Answer, CallerId, Effects, Intent, JobId, Refusal, Timestamp};

impl Cluster {
    pub(super) fn cancel(
        &mut self,
        now: Timestamp,
        caller: CallerId,
        id: JobId,
        reason: &str,
        effects: &mut Effects,
    ) {
        let answer = match self.jobs.find(id) {
            None => Answer::Refused(Refusal::NotOpen(id)),
            Some(slot) if self.jobs.get(slot).intent == Intent::Cancel => {
                Answer::Refused(Refusal::AlreadyCancelling(id))
            }
            Some(slot) => {
                let job = self.jobs.get_mut(slot);
                job.intent = Intent::Cancel;
                job.message = (!reason.is_empty()).then(|| Arc::from(reason));
                self.stop_rest(slot, effects);
                self.write_job(slot, now, effects);
                Answer::CancelAccepted
            }
        };
        effects.actions.push(Action::Reply { caller, answer });
    }
}
