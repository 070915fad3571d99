//! Messages of a session, as inputs and from outputs.

use drover_model::{Join, ReportBatch, session::Input};
use drover_proto::{
    DecodeError, agent,
    v1::{
        self, AgentMessage, CoordinatorMessage, agent_message::Message as Outgoing,
        coordinator_message::Message as Incoming,
    },
};

use crate::clock;

pub(super) fn inputs(message: CoordinatorMessage) -> Result<Vec<Input>, DecodeError> {
    let (now, elapsed) = (clock::now(), clock::elapsed());
    Ok(match message.message {
        Some(Incoming::Welcome(welcome)) => {
            vec![Input::Welcome(agent::welcome_from_wire(&welcome)?)]
        }
        Some(Incoming::Assignments(assignments)) => assignments
            .assignments
            .into_iter()
            .map(|assign| {
                let assignment = agent::assign_from_wire(assign)?;
                Ok(Input::Assigned {
                    assignment,
                    now,
                    elapsed,
                })
            })
            .collect::<Result<_, _>>()?,
        Some(Incoming::Ack(ack)) => vec![Input::Acknowledged {
            sequence: ack.sequence,
        }],
        Some(Incoming::Stop(stop)) => agent::stop_from_wire(stop)?
            .into_iter()
            .map(|(key, grace_ms)| Input::Stop {
                key,
                grace_ms: u64::from(grace_ms),
                now,
            })
            .collect(),
        Some(Incoming::HeartbeatAck(ack)) => {
            vec![Input::HeartbeatAcknowledged { number: ack.number }]
        }
        // Of a newer version of the protocol.
        None => Vec::new(),
    })
}

pub(super) fn join(join: Join) -> AgentMessage {
    message(Outgoing::Join(agent::join_to_wire(join)))
}

pub(super) fn reports(batch: ReportBatch) -> AgentMessage {
    message(Outgoing::Reports(agent::reports_to_wire(batch)))
}

pub(super) fn leaving() -> AgentMessage {
    message(Outgoing::Leaving(v1::Leaving {}))
}

pub(super) fn heartbeat(number: u64, cpu_permille: u32, memory_permille: u32) -> AgentMessage {
    message(Outgoing::Heartbeat(v1::Heartbeat {
        number,
        cpu_permille,
        memory_permille,
    }))
}

fn message(message: Outgoing) -> AgentMessage {
    AgentMessage {
        message: Some(message),
    }
}
