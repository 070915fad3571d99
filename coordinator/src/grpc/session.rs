//! What one agent says, from its join to its end.

use std::sync::Arc;

use drover_model::SessionId;
use drover_proto::{agent, v1};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};
use v1::agent_message::Message;

use super::agents::malformed;
use crate::{
    driver::LeaseTerm,
    error::ApiError,
    inbox::{Control, Pulse, Senders},
};

/// Reads a session's stream. The driver holds the only strong sender, so that it can end the stream.
pub(super) struct Reader {
    pub(super) session: SessionId,
    pub(super) incoming: Streaming<v1::AgentMessage>,
    pub(super) outgoing: mpsc::WeakSender<Result<v1::CoordinatorMessage, Status>>,
    pub(super) pulse: Arc<Pulse>,
    pub(super) senders: Senders,
    pub(super) lease: Arc<LeaseTerm>,
    /// Cancelled when the driver has dropped the session.
    pub(super) ended: CancellationToken,
}

impl Reader {
    pub(super) async fn run(mut self) {
        loop {
            let message = tokio::select! {
                biased;
                () = self.ended.cancelled() => break,
                message = self.incoming.message() => message,
            };
            let Ok(Some(v1::AgentMessage {
                message: Some(message),
            })) = message
            else {
                break;
            };
            self.pulse.beat();
            if let Err(error) = self.take(message).await {
                if let Some(outgoing) = self.outgoing.upgrade() {
                    let _ = outgoing.try_send(Err(error.into()));
                }
                break;
            }
        }
        let session = self.session;
        // Only fails when nobody leads, and then nobody knows the session.
        let _ = self.senders.control(Control::Left { session }).await;
    }

    async fn take(&self, message: Message) -> Result<(), ApiError> {
        match message {
            Message::Join(_) => Err(ApiError::invalid_field("message", "Join is sent once")),
            Message::Reports(reports) => {
                let batch = agent::reports_from_wire(reports).map_err(malformed)?;
                let session = self.session;
                self.senders
                    .control(Control::Reports { session, batch })
                    .await
            }
            Message::Leaving(_) => {
                let session = self.session;
                self.senders.control(Control::Leaving { session }).await
            }
            Message::Heartbeat(heartbeat) => {
                self.pulse
                    .measure(heartbeat.cpu_permille, heartbeat.memory_permille);
                // Silence tells the agent that this coordinator may not lead any more.
                if self.lease.is_valid() {
                    self.acknowledge(heartbeat.number);
                }
                Ok(())
            }
        }
    }

    fn acknowledge(&self, number: u64) {
        if let Some(outgoing) = self.outgoing.upgrade() {
            let ack = v1::coordinator_message::Message::HeartbeatAck(v1::HeartbeatAck { number });
            // An agent that does not keep up is closed by the driver.
            let _ = outgoing.try_send(Ok(v1::CoordinatorMessage { message: Some(ack) }));
        }
    }
}
