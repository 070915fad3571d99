//! Going in order: everything is stopped and reported, and nothing new begins.

use super::{Output, Phase, Session};
use crate::{AttemptKey, Outcome, Timestamp};

impl Session {
    /// The coordinator hears of it before anything else, so that what ends here is not filled again. What was fenced is
    /// being killed already.
    pub(super) fn leave(&mut self, longest_grace_ms: u64, outputs: &mut Vec<Output>) {
        if !std::mem::replace(&mut self.leaving, true) {
            self.say_leaving(outputs);
        }
        for (key, grace_ms) in self.attempts.graces() {
            let grace_ms = u64::from(grace_ms).min(longest_grace_ms);
            outputs.push(Output::Stop { key, grace_ms });
        }
    }

    /// Each join makes the coordinator forget it.
    pub(super) fn say_leaving(&self, outputs: &mut Vec<Output>) {
        if self.leaving && matches!(self.phase, Phase::Joined { .. }) {
            outputs.push(Output::Leaving);
        }
    }

    /// It was sent before the coordinator knew.
    pub(super) fn refuse_new(&mut self, key: AttemptKey, now: Timestamp) {
        self.refuse(key, now, Outcome::Refused, "the agent is leaving");
    }

    /// True once the agent may go: it was asked to leave, holds nothing and has sent every report. Without a
    /// connection the reports cannot be sent: the journal keeps them for the next incarnation.
    pub fn may_go(&self) -> bool {
        self.leaving
            && !self.attempts.holds_any()
            && !(matches!(self.phase, Phase::Joined { .. }) && self.outbox.has_unsent())
    }

    /// True while a coordinator is there that may acknowledge what was reported. An agent that waits for it leaves no
    /// reports to the next incarnation.
    pub fn awaits_acknowledgement(&self) -> bool {
        matches!(self.phase, Phase::Joined { .. }) && !self.outbox.is_empty()
    }
}
