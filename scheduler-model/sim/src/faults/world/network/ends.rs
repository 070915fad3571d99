//! How connections end: in order, by a cut, or with the process at one end.

use super::{Connection, ConnectionId, Packet, Side, ToAgent, ToCoordinator};
use crate::faults::world::{Happening, World};

impl World<'_> {
    /// One side ends the stream; the other learns it in order.
    pub(in crate::faults::world) fn close(
        &mut self,
        connection: ConnectionId,
        by: Side,
        leader: Option<usize>,
    ) {
        let farewell = match by {
            Side::Agent => Packet::Up(ToCoordinator::Closed),
            Side::Coordinator => Packet::Down(ToAgent::Closed { leader }),
        };
        self.send(connection, farewell);
        self.network.connections[connection].shut(by);
    }

    /// The wire breaks. Each end notices at a time of its own.
    pub(in crate::faults::world) fn cut(&mut self, connection: ConnectionId) {
        self.network.connections[connection].cut = true;
        for side in [Side::Agent, Side::Coordinator] {
            let after_ms = self.faults.notices_cut_after_ms();
            self.line.plan(
                self.now.plus_ms(after_ms),
                Happening::Breaks { connection, side },
            );
        }
    }

    /// An end finds that the other is gone.
    pub(in crate::faults::world) fn breaks(&mut self, connection: ConnectionId, side: Side) {
        if !self.network.connections[connection].is_open(side) {
            return;
        }
        match side {
            Side::Agent => self.agent_hears(connection, ToAgent::Closed { leader: None }),
            Side::Coordinator => self.coordinator_hears(connection, ToCoordinator::Closed),
        }
    }

    /// Of an agent or of a coordinator, when its process is gone: the other ends notice.
    pub(in crate::faults::world) fn drop_connections(
        &mut self,
        belongs: impl Fn(&Connection) -> bool,
        side: Side,
    ) {
        let connections = self.network.connections.iter().enumerate();
        let open: Vec<ConnectionId> = connections
            .filter(|(_, end)| belongs(end) && end.is_open(side))
            .map(|(id, _)| id)
            .collect();
        for connection in open {
            // The kernel says goodbye for a process that died, mostly.
            if self.faults.dies_silently() {
                let end = &mut self.network.connections[connection];
                end.cut = true;
                end.shut(side);
                let after_ms = self.faults.notices_cut_after_ms();
                self.line.plan(
                    self.now.plus_ms(after_ms),
                    Happening::Breaks {
                        connection,
                        side: side.other(),
                    },
                );
            } else {
                self.close(connection, side, None);
            }
        }
    }
}
