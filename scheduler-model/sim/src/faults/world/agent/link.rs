//! The connection to a coordinator, made again for ever.

use drover_model::session::Input;

use super::AgentHappening;
use crate::faults::world::{World, moment::Moment, network::ConnectionId};

const FIRST_BACKOFF_MS: u64 = 50;
const LONGEST_BACKOFF_MS: u64 = 2_000;

#[derive(Debug, Default)]
pub struct Link {
    connection: Option<ConnectionId>,
    /// The coordinator that has welcomed it there, and when.
    welcomed: Option<(usize, Moment)>,
    failures: u32,
    /// Which address is dialed next.
    next: usize,
    dialing: bool,
}

impl Link {
    pub fn connection(&self) -> Option<ConnectionId> {
        self.connection
    }

    /// Since when it is connected to that coordinator.
    pub(super) fn joined(&self, coordinator: usize) -> Option<Moment> {
        let (to, since) = self.welcomed?;
        (to == coordinator).then_some(since)
    }

    /// A leader has taken the join.
    pub(super) fn accepted(&mut self, coordinator: usize, now: Moment) {
        self.welcomed = Some((coordinator, now));
        self.failures = 0;
        self.next = coordinator;
    }

    /// Another is tried next, if possible the one that leads.
    pub(super) fn closed(&mut self, leader: Option<usize>) {
        self.connection = None;
        self.welcomed = None;
        self.next = leader.unwrap_or(self.next + 1);
    }
}

impl World<'_> {
    pub(super) fn redial(&mut self, a: usize) {
        let link = &mut self.agents[a].link;
        if link.dialing {
            return;
        }
        link.dialing = true;
        let full = (FIRST_BACKOFF_MS << link.failures.min(10)).min(LONGEST_BACKOFF_MS);
        link.failures += 1;
        let pause_ms = full / 2 + self.faults.backoff_ms(full / 2);
        self.plan_for_agent(a, self.now.plus_ms(pause_ms), AgentHappening::Dials);
    }

    pub(super) fn dial(&mut self, a: usize) {
        let coordinator = self.agents[a].link.next % self.coordinators.len();
        self.agents[a].link.dialing = true;
        let latency_us = 2 * self.faults.latency_us(false);
        self.plan_for_agent(
            a,
            self.now.plus_us(latency_us),
            AgentHappening::Dialed { coordinator },
        );
    }

    pub(super) fn dialed(&mut self, a: usize, coordinator: usize) {
        self.agents[a].link.dialing = false;
        let there = self.coordinators[coordinator].is_up();
        if !there || !self.network.reaches(a, coordinator) {
            self.agents[a].link.next += 1;
            return self.redial(a);
        }
        let connection = self.connect(a, coordinator);
        self.agents[a].link.connection = Some(connection);
        let now = self.elapsed(a);
        self.step_session(a, Input::Connected { now });
    }
}
