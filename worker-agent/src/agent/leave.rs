//! Why and how an agent goes.

use std::time::Duration;

use drover_model::session::Input;
use tokio::time::Instant;

use super::Agent;
use crate::AgentError;

/// How long a leaving agent waits for the coordinator to acknowledge its last reports, and then to take its last logs.
pub(super) const FAREWELL: Duration = Duration::from_secs(2);

impl Agent {
    /// Everything is stopped in order.
    pub(super) fn leave(&mut self) {
        self.leave_within(self.leave_timeout);
    }

    /// Nothing would end what runs here, should the agent be killed or stand still.
    pub(super) fn unguarded(&mut self) {
        let how = self.executor.how_guard_ended();
        self.despair(AgentError::GuardEnded { how });
        self.leave();
    }

    /// What runs here was given up, and may run elsewhere by now.
    pub(super) fn superseded(&mut self) {
        let name = self.executor.node().to_owned();
        self.despair(AgentError::Superseded { name });
        self.disconnected();
        self.leave_within(Duration::ZERO);
    }

    /// Once all reports are sent it waits for the last acknowledgements: what is acknowledged, the next agent need not
    /// report again.
    pub(super) fn is_done(&mut self) -> bool {
        let may_go = self.session.may_go();
        let now = Instant::now();
        if may_go && self.farewell.is_none() {
            self.farewell = Some(now + FAREWELL);
        }
        let is_late = self.farewell.is_some_and(|at| at <= now);
        is_late || (may_go && !self.session.awaits_acknowledgement())
    }

    fn leave_within(&mut self, grace: Duration) {
        let longest_grace_ms = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
        self.step(Input::Leave { longest_grace_ms });
    }

    /// The first trouble counts.
    fn despair(&mut self, trouble: AgentError) {
        tracing::error!("{trouble}");
        self.trouble.get_or_insert(trouble);
    }
}
