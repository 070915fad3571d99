//! Joining, and staying joined.

use super::{
    Elapsed, Output, Phase, REPORTS_PER_MESSAGE, Reason, Session, Welcome, lease::Heartbeats,
};
use crate::Join;

impl Session {
    pub(super) fn join(&mut self, now: Elapsed, outputs: &mut Vec<Output>) {
        assert_eq!(self.phase, Phase::Apart, "one connection at a time");
        self.phase = Phase::Joining { since: now };
        self.heartbeats = Heartbeats::default();
        self.passed_over = false;
        self.announce_starts();
        self.outbox.rewind();
        let reports = self
            .outbox
            .take_unsent(REPORTS_PER_MESSAGE)
            .unwrap_or_else(|| self.outbox.nothing());
        // The end of an attempt whose report does not fit comes right after: until then it counts as running.
        let mut running = self.attempts.held();
        running.extend(self.outbox.unsent_ends());
        running.sort_unstable();
        outputs.push(Output::Join(Box::new(Join {
            node: self.identity.node.clone(),
            incarnation: self.identity.incarnation,
            agent_version: self.identity.agent_version.clone(),
            capacity: self.identity.capacity.clone(),
            attributes: self.identity.attributes.clone(),
            running,
            reports,
        })));
    }

    pub(super) fn welcome(&mut self, welcome: Welcome, outputs: &mut Vec<Output>) {
        let Phase::Joining { since } = self.phase else {
            return outputs.push(Output::Close(Reason::Unexpected("Welcome")));
        };
        if welcome.epoch < self.epoch {
            return outputs.push(Output::Close(Reason::OlderEpoch {
                seen: self.epoch,
                offered: welcome.epoch,
            }));
        }
        self.epoch = welcome.epoch;
        self.lease
            .begin(since, welcome.lease_ms, welcome.fence_grace_ms);
        let limit = welcome.lease_ms / welcome.heartbeat_interval_ms.max(1);
        self.phase = Phase::Joined {
            heartbeats_unanswered_limit: limit.clamp(3, 100) as usize,
        };
        for key in welcome.discard {
            if self.attempts.discard(key) {
                outputs.push(Output::Discard { key });
            }
        }
        self.say_leaving(outputs);
    }

    pub(super) fn heartbeat(
        &mut self,
        now: Elapsed,
        cpu_permille: u32,
        memory_permille: u32,
        outputs: &mut Vec<Output>,
    ) {
        let Phase::Joined {
            heartbeats_unanswered_limit,
        } = self.phase
        else {
            return;
        };
        if self.heartbeats.unanswered() >= heartbeats_unanswered_limit {
            return outputs.push(Output::Close(Reason::HeartbeatsUnanswered));
        }
        outputs.push(Output::Heartbeat {
            number: self.heartbeats.send(now),
            cpu_permille,
            memory_permille,
        });
    }

    pub(super) fn heartbeat_acknowledged(&mut self, number: u64, outputs: &mut Vec<Output>) {
        if !self.heartbeats.was_sent(number) {
            return outputs.push(Output::Close(Reason::Unexpected(
                "HeartbeatAck of what was never sent",
            )));
        }
        if let Some(sent) = self.heartbeats.acknowledge(number) {
            self.lease.renew(sent);
        }
    }
}
