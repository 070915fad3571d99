//! The two lanes into the driver, and the streams of agents that end in one of them.

use drover_model::lead::Wish;

use crate::faults::world::{
    World,
    network::{ConnectionId, Packet, Side, ToAgent, ToCoordinator},
};

/// From agents: never shed.
pub type Control = drover_model::lead::Control<ConnectionId>;

/// From users.
#[derive(Debug)]
pub struct Request {
    pub wish: Wish,
    /// Who waits for the answer.
    pub call: usize,
}

impl World<'_> {
    pub(in crate::faults::world) fn coordinator_hears(
        &mut self,
        connection: ConnectionId,
        message: ToCoordinator,
    ) {
        let end = &self.network.connections[connection];
        let c = end.coordinator;
        if self.coordinators[c].life != end.coordinator_life {
            return;
        }
        if self.coordinators[c].paused {
            // The socket's buffer keeps it, in order.
            let packet = Packet::Up(message);
            let stashed = crate::faults::world::Happening::Read { connection, packet };
            self.coordinators[c].stash.push_back(stashed);
            return;
        }
        self.trace.mix(connection as u64);
        if let (Some(leader), Some(session)) = (self.coordinators[c].leads(), end.session)
            && leader.sessions.contains_key(&session)
            && !matches!(message, ToCoordinator::Closed)
        {
            self.checker.heard(end.agent, c);
        }
        match message {
            ToCoordinator::Join(join) => {
                let session = self.coordinators[c].next_session();
                let end = &mut self.network.connections[connection];
                end.session = Some(session);
                end.pulse = Some(self.now);
                self.put_in_lane(
                    c,
                    Control::Join {
                        session,
                        join,
                        connection,
                    },
                );
            }
            ToCoordinator::Reports(batch) => {
                let end = &mut self.network.connections[connection];
                end.pulse = Some(self.now);
                if let Some(session) = end.session {
                    self.put_in_lane(c, Control::Reports { session, batch });
                }
            }
            ToCoordinator::Heartbeat { number } => {
                self.network.connections[connection].pulse = Some(self.now);
                // Silence tells the agent that this coordinator may not lead any more.
                if self.now < self.coordinators[c].lease_until {
                    self.send(connection, Packet::Down(ToAgent::HeartbeatAck { number }));
                }
            }
            ToCoordinator::Leaving => {
                let end = &mut self.network.connections[connection];
                end.pulse = Some(self.now);
                if let Some(session) = end.session {
                    self.put_in_lane(c, Control::Leaving { session });
                }
            }
            ToCoordinator::Closed => {
                let end = &mut self.network.connections[connection];
                end.coordinator_open = false;
                if let Some(session) = end.session {
                    self.put_in_lane(c, Control::Left { session });
                }
            }
        }
    }

    fn put_in_lane(&mut self, c: usize, message: Control) {
        self.coordinators[c].control.push_back(message);
        self.run_driver(c);
    }

    /// The driver has dropped the session: its reader ends, and says so.
    pub(super) fn drop_session(&mut self, c: usize, connection: ConnectionId) {
        self.close(connection, Side::Coordinator, None);
        if let Some(session) = self.network.connections[connection].session {
            self.coordinators[c]
                .control
                .push_back(Control::Left { session });
        }
    }
}
