//! Connections between agents and coordinators. Each is a stream: what arrives does so in order and without gaps, and
//! what is lost is lost with the connection. A partition holds everything back, so that both ends may be long gone when
//! it arrives. Calls of clients and requests to the database are single messages and overtake each other.

use std::collections::VecDeque;

use drover_model::{Assignment, AttemptKey, Epoch, Join, ReportBatch, SessionId};

use super::{Happening, World, moment::Moment};
use crate::faults::FaultKind;

/// Place of a connection in the network. Never used twice.
pub type ConnectionId = usize;

/// A connection that was not heard from for so long is given up by either end.
const KEEPALIVE_MS: u64 = 20_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Agent,
    Coordinator,
}

#[derive(Clone, Debug)]
pub enum ToCoordinator {
    Join(Box<Join>),
    Reports(ReportBatch),
    Heartbeat {
        number: u64,
    },
    /// The agent has ended its half.
    Closed,
}

#[derive(Clone, Debug)]
pub enum ToAgent {
    Welcome {
        epoch: Epoch,
        discard: Vec<AttemptKey>,
    },
    Ack {
        sequence: u64,
    },
    Assign(Vec<Assignment>),
    Stop(Vec<(AttemptKey, u32)>),
    HeartbeatAck {
        number: u64,
    },
    /// The coordinator has ended the stream; perhaps it knows who leads.
    Closed {
        leader: Option<usize>,
    },
}

#[derive(Clone, Debug)]
pub enum Packet {
    Up(ToCoordinator),
    Down(ToAgent),
}

impl Packet {
    const fn to(&self) -> Side {
        match self {
            Self::Up(_) => Side::Coordinator,
            Self::Down(_) => Side::Agent,
        }
    }
}

#[derive(Debug)]
pub struct Connection {
    pub agent: usize,
    pub agent_life: u64,
    pub coordinator: usize,
    pub coordinator_life: u64,
    /// Given by the coordinator when the join has arrived.
    pub session: Option<SessionId>,
    /// Last sign of life that the driver has not asked for yet.
    pub pulse: Option<Moment>,
    pub agent_open: bool,
    pub coordinator_open: bool,
    /// The wire is cut: what is under way does not arrive.
    cut: bool,
    /// By receiving side: when the last message arrives, and what a partition holds back.
    arrives: [Moment; 2],
    held: [VecDeque<Packet>; 2],
}

#[derive(Debug, Default)]
pub struct Network {
    pub connections: Vec<Connection>,
    /// (agent, coordinator) pairs that do not reach each other, with how many faults keep them apart.
    partitions: Vec<(usize, usize)>,
    /// Messages are slow until then.
    pub storm_until: Moment,
}

impl Network {
    pub fn reaches(&self, agent: usize, coordinator: usize) -> bool {
        !self.partitions.contains(&(agent, coordinator))
    }

    fn open(&mut self, connection: Connection) -> ConnectionId {
        self.connections.push(connection);
        self.connections.len() - 1
    }
}

impl World<'_> {
    pub(super) fn connect(&mut self, agent: usize, coordinator: usize) -> ConnectionId {
        self.network.open(Connection {
            agent,
            agent_life: self.agents[agent].life,
            coordinator,
            coordinator_life: self.coordinators[coordinator].life,
            session: None,
            pulse: None,
            agent_open: true,
            coordinator_open: true,
            cut: false,
            arrives: [self.now; 2],
            held: Default::default(),
        })
    }

    /// Puts a message on its way. Nothing happens when the sender's end is closed.
    pub(super) fn send(&mut self, connection: ConnectionId, packet: Packet) {
        let end = &self.network.connections[connection];
        let open = match packet.to() {
            Side::Agent => end.coordinator_open,
            Side::Coordinator => end.agent_open,
        };
        if !open {
            return;
        }
        let twice = self.promises_to_bear_twice(&packet) && self.faults.duplicates_message();
        if twice {
            self.statistics.count(FaultKind::MessageDuplicated);
            self.put_on_wire(connection, packet.clone());
        }
        self.put_on_wire(connection, packet);
    }

    fn promises_to_bear_twice(&self, packet: &Packet) -> bool {
        match packet {
            Packet::Up(message) => matches!(
                message,
                ToCoordinator::Reports(_) | ToCoordinator::Heartbeat { .. }
            ),
            Packet::Down(message) => matches!(
                message,
                ToAgent::Ack { .. }
                    | ToAgent::Assign(_)
                    | ToAgent::Stop(_)
                    | ToAgent::HeartbeatAck { .. }
            ),
        }
    }

    fn put_on_wire(&mut self, connection: ConnectionId, packet: Packet) {
        let storm = self.now < self.network.storm_until;
        let latency = self.faults.latency_us(storm);
        if storm {
            self.statistics.count(FaultKind::MessageDelayed);
        }
        let side = packet.to() as usize;
        let end = &mut self.network.connections[connection];
        let at = end.arrives[side].plus_us(1).max(self.now.plus_us(latency));
        end.arrives[side] = at;
        self.line
            .plan(at, Happening::Arrives { connection, packet });
    }

    pub(super) fn arrives(&mut self, connection: ConnectionId, packet: Packet) {
        let end = &mut self.network.connections[connection];
        let open = match packet.to() {
            Side::Agent => end.agent_open,
            Side::Coordinator => end.coordinator_open,
        };
        if end.cut || !open {
            self.statistics.count(FaultKind::MessageLost);
            return;
        }
        let side = packet.to() as usize;
        let apart = self
            .network
            .partitions
            .contains(&(end.agent, end.coordinator));
        if apart || !end.held[side].is_empty() {
            end.held[side].push_back(packet);
            return;
        }
        self.deliver(connection, packet);
    }

    pub(super) fn deliver(&mut self, connection: ConnectionId, packet: Packet) {
        let end = &self.network.connections[connection];
        let open = match packet.to() {
            Side::Agent => end.agent_open,
            Side::Coordinator => end.coordinator_open,
        };
        if !open {
            return;
        }
        match packet {
            Packet::Up(message) => self.coordinator_hears(connection, message),
            Packet::Down(message) => self.agent_hears(connection, message),
        }
    }

    /// What a partition held back has got through, in one burst.
    pub(super) fn released(&mut self, connection: ConnectionId, side: Side) {
        loop {
            let end = &mut self.network.connections[connection];
            let apart = self
                .network
                .partitions
                .contains(&(end.agent, end.coordinator));
            let open = match side {
                Side::Agent => end.agent_open,
                Side::Coordinator => end.coordinator_open,
            };
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

    /// One side ends the stream; the other learns it in order.
    pub(super) fn close(&mut self, connection: ConnectionId, by: Side, leader: Option<usize>) {
        let farewell = match by {
            Side::Agent => Packet::Up(ToCoordinator::Closed),
            Side::Coordinator => Packet::Down(ToAgent::Closed { leader }),
        };
        self.send(connection, farewell);
        let end = &mut self.network.connections[connection];
        match by {
            Side::Agent => end.agent_open = false,
            Side::Coordinator => end.coordinator_open = false,
        }
    }

    /// The wire breaks. Each end notices at a time of its own.
    pub(super) fn cut(&mut self, connection: ConnectionId) {
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
    pub(super) fn breaks(&mut self, connection: ConnectionId, side: Side) {
        let end = &self.network.connections[connection];
        match side {
            Side::Agent if end.agent_open => {
                self.agent_hears(connection, ToAgent::Closed { leader: None });
            }
            Side::Coordinator if end.coordinator_open => {
                self.coordinator_hears(connection, ToCoordinator::Closed);
            }
            _ => {}
        }
    }

    pub(super) fn part(&mut self, agent: usize, coordinator: usize) {
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

    pub(super) fn keepalive_over(&mut self, connection: ConnectionId, side: Side) {
        let end = &self.network.connections[connection];
        if !self.network.reaches(end.agent, end.coordinator) {
            self.breaks(connection, side);
        }
    }

    /// What was held back arrives, in order.
    pub(super) fn rejoin(&mut self, agent: usize, coordinator: usize) {
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

    /// Of an agent or of a coordinator, when its process is gone: the other ends notice.
    pub(super) fn drop_connections(&mut self, belongs: impl Fn(&Connection) -> bool, side: Side) {
        let connections = self.network.connections.iter().enumerate();
        let open: Vec<ConnectionId> = connections
            .filter(|(_, end)| belongs(end))
            .filter(|(_, end)| match side {
                Side::Agent => end.agent_open,
                Side::Coordinator => end.coordinator_open,
            })
            .map(|(id, _)| id)
            .collect();
        for connection in open {
            // The kernel says goodbye for a process that died, mostly.
            if self.faults.dies_silently() {
                let end = &mut self.network.connections[connection];
                end.cut = true;
                match side {
                    Side::Agent => end.agent_open = false,
                    Side::Coordinator => end.coordinator_open = false,
                }
                let other = match side {
                    Side::Agent => Side::Coordinator,
                    Side::Coordinator => Side::Agent,
                };
                let after_ms = self.faults.notices_cut_after_ms();
                self.line.plan(
                    self.now.plus_ms(after_ms),
                    Happening::Breaks {
                        connection,
                        side: other,
                    },
                );
            } else {
                self.close(connection, side, None);
            }
        }
    }
}
