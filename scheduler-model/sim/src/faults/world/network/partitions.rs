//! Agents and coordinators that do not reach each other for a while.

use super::{ConnectionId, Side};
use crate::faults::world::{Happening, World};

/// A connection that was not heard from for so long is given up by either end.
const KEEPALIVE_MS: u64 = 20_000;

impl World<'_> {
    pub(in crate::faults::world) fn part(&mut self, agent: usize, coordinator: usize) {
        self.network.partitions.push((agent, coordinator));
        for connection in self.between(agent, coordinator) {
            for side in [Side::Agent, Side::Coordinator] {
                let jitter_ms = self.faults.notices_cut_after_ms() / 8;
                self.line.plan(
                    self.now.plus_ms(KEEPALIVE_MS + jitter_ms),
                    Happening::KeepaliveOver { connection, side },
                );
            }
        }
    }

    pub(in crate::faults::world) fn keepalive_over(
        &mut self,
        connection: ConnectionId,
        side: Side,
    ) {
        let end = &self.network.connections[connection];
        if !self.network.reaches(end.agent, end.coordinator) {
            self.breaks(connection, side);
        }
    }

    /// What was held back arrives, in order.
    pub(in crate::faults::world) fn rejoin(&mut self, agent: usize, coordinator: usize) {
        let partitions = &mut self.network.partitions;
        if let Some(place) = partitions
            .iter()
            .position(|pair| *pair == (agent, coordinator))
        {
            partitions.swap_remove(place);
        }
        if !self.network.reaches(agent, coordinator) {
            return;
        }
        for connection in self.between(agent, coordinator) {
            for side in [Side::Agent, Side::Coordinator] {
                let latency = self.faults.latency_us(false);
                self.line.plan(
                    self.now.plus_us(latency),
                    Happening::Released { connection, side },
                );
            }
        }
    }

    fn between(&self, agent: usize, coordinator: usize) -> Vec<ConnectionId> {
        let connections = self.network.connections.iter().enumerate();
        connections
            .filter(|(_, end)| (end.agent, end.coordinator) == (agent, coordinator))
            .filter(|(_, end)| end.agent_open || end.coordinator_open)
            .map(|(id, _)| id)
            .collect()
    }

    /// What a partition held back has got through, in one burst.
    pub(in crate::faults::world) fn released(&mut self, connection: ConnectionId, side: Side) {
        loop {
            let end = &mut self.network.connections[connection];
            let apart = self
                .network
                .partitions
                .contains(&(end.agent, end.coordinator));
            let open = end.is_open(side);
            if apart {
                return;
            }
            let Some(packet) = end.held[side as usize].pop_front() else {
                return;
            };
            if open && !end.cut {
                self.deliver(connection, packet);
            }
        }
    }
}
