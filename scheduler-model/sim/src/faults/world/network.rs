//! Connections between agents and coordinators. Each is a stream: what arrives does so in order and without gaps, and
//! what is lost is lost with the connection. A partition holds everything back, so that both ends may be long gone when
//! it arrives. Calls of clients and requests to the database are single messages and overtake each other.

mod ends;
mod partitions;

use std::collections::VecDeque;

use drover_model::{Assignment, AttemptKey, Epoch, Join, ReportBatch, SessionId};

use super::{Happening, World, moment::Moment};
use crate::faults::inject::FaultKind;

/// Place of a connection in the network. Never used twice.
pub type ConnectionId = usize;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Agent,
    Coordinator,
}

impl Side {
    const fn other(self) -> Self {
        match self {
            Self::Agent => Self::Coordinator,
            Self::Coordinator => Self::Agent,
        }
    }
}

#[derive(Clone, Debug)]
pub enum ToCoordinator {
    Join(Box<Join>),
    Reports(ReportBatch),
    Heartbeat {
        number: u64,
    },
    /// The agent has been asked to end.
    Leaving,
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

impl Connection {
    const fn is_open(&self, side: Side) -> bool {
        match side {
            Side::Agent => self.agent_open,
            Side::Coordinator => self.coordinator_open,
        }
    }

    fn shut(&mut self, side: Side) {
        match side {
            Side::Agent => self.agent_open = false,
            Side::Coordinator => self.coordinator_open = false,
        }
    }
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
        if !end.is_open(packet.to().other()) {
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
                ToCoordinator::Reports(_)
                    | ToCoordinator::Heartbeat { .. }
                    | ToCoordinator::Leaving
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
        if end.cut || !end.is_open(packet.to()) {
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
        if !end.is_open(packet.to()) {
            return;
        }
        match packet {
            Packet::Up(message) => self.coordinator_hears(connection, message),
            Packet::Down(message) => self.agent_hears(connection, message),
        }
    }
}
