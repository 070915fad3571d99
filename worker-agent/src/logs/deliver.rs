//! Sends chunks and keeps them until they are stored.

use std::collections::VecDeque;

use bytes::Bytes;
use drover_proto::{
    agent::key_to_wire,
    v1::{LogAck, LogChunk, agent_service_client::AgentServiceClient},
};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use super::{Logs, buffers::Due};
use crate::{addresses::Target, backoff::Backoff, clock};

/// Chunks sent and not acknowledged; beyond that, output waits in its ring.
const WINDOW: usize = 64;
const LEVEL: i32 = 1;

struct Delivery {
    logs: Logs,
    compressor: zstd::bulk::Compressor<'static>,
    /// Oldest first.
    unacknowledged: VecDeque<LogChunk>,
}

/// Runs until it is aborted; once `leaving`, until nothing is left to send. Follows the leader.
pub(crate) async fn deliver(
    logs: Logs,
    mut leader: watch::Receiver<Target>,
    leaving: CancellationToken,
) {
    let compressor = match zstd::bulk::Compressor::new(LEVEL) {
        Ok(compressor) => compressor,
        Err(error) => return tracing::error!(%error, "no output can be sent"),
    };
    let mut delivery = Delivery {
        logs,
        compressor,
        unacknowledged: VecDeque::new(),
    };
    let mut backoff = Backoff::default();
    while delivery.has_something(&leaving).await {
        let target = leader.borrow_and_update().clone();
        tokio::select! {
            outcome = delivery.connection(&target, &leaving, &mut backoff) => if let Err(status) = outcome {
                let wait = backoff.next();
                tracing::debug!(%status, ?wait, "output waits");
                tokio::time::sleep(wait).await;
            },
            // The value differs: it is only set when it does.
            Ok(()) = leader.changed() => backoff.reset(),
        }
    }
}

impl Delivery {
    /// Waits for output. False when the agent leaves and nothing is left.
    async fn has_something(&self, leaving: &CancellationToken) -> bool {
        loop {
            if !self.is_empty() {
                return true;
            }
            tokio::select! {
                () = self.logs.0.changed.notified() => {}
                () = leaving.cancelled() => return !self.is_empty(),
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.unacknowledged.is_empty() && self.logs.buffers().is_empty()
    }

    /// One stream, until it breaks or the agent has left.
    async fn connection(
        &mut self,
        target: &Target,
        leaving: &CancellationToken,
        backoff: &mut Backoff,
    ) -> Result<(), Status> {
        let channel = target
            .endpoint
            .connect()
            .await
            .map_err(|error| Status::unavailable(error.to_string()))?;
        let (outbound, chunks) = mpsc::channel(WINDOW);
        let mut sequence = 0;
        for chunk in &mut self.unacknowledged {
            sequence += 1;
            chunk.sequence = sequence;
            send(&outbound, chunk.clone())?;
        }
        sequence = self.fill(&outbound, sequence)?;
        let mut acks = AgentServiceClient::new(channel)
            .logs(ReceiverStream::new(chunks))
            .await?
            .into_inner();
        while !(leaving.is_cancelled() && self.is_empty()) {
            tokio::select! {
                ack = acks.message() => {
                    self.acknowledged(ack?)?;
                    backoff.reset();
                }
                () = self.due(), if self.unacknowledged.len() < WINDOW => {}
                () = self.logs.0.changed.notified() => {}
                () = leaving.cancelled(), if !leaving.is_cancelled() => {}
            }
            sequence = self.fill(&outbound, sequence)?;
        }
        finish(outbound, acks).await;
        Ok(())
    }

    /// Sends what is due, as far as the window allows; returns the last number.
    fn fill(
        &mut self,
        outbound: &mpsc::Sender<LogChunk>,
        mut sequence: u64,
    ) -> Result<u64, Status> {
        while self.unacknowledged.len() < WINDOW {
            let due = self.logs.buffers().pop(Instant::now());
            let Some(due) = due else { break };
            sequence += 1;
            let chunk = self.chunk(&due, sequence)?;
            self.unacknowledged.push_back(chunk.clone());
            send(outbound, chunk)?;
        }
        Ok(sequence)
    }

    fn chunk(&mut self, due: &Due, sequence: u64) -> Result<LogChunk, Status> {
        let data = if due.piece.data.is_empty() {
            Vec::new()
        } else {
            self.compressor
                .compress(&due.piece.data)
                .map_err(|error| Status::internal(error.to_string()))?
        };
        Ok(LogChunk {
            key: Some(key_to_wire(due.key)),
            stream: due.piece.stream.into(),
            offset: due.piece.offset,
            data: Bytes::from(data),
            end: due.end,
            sequence,
        })
    }

    fn acknowledged(&mut self, ack: Option<LogAck>) -> Result<(), Status> {
        let ack = ack.ok_or_else(|| Status::unavailable("the coordinator ended the stream"))?;
        while self
            .unacknowledged
            .front()
            .is_some_and(|chunk| chunk.sequence <= ack.sequence)
        {
            self.unacknowledged.pop_front();
        }
        Ok(())
    }

    async fn due(&self) {
        let at = self.logs.buffers().next_due();
        clock::sleep_until(at).await;
    }
}

/// The window is as large as the channel: it is never full.
fn send(outbound: &mpsc::Sender<LogChunk>, chunk: LogChunk) -> Result<(), Status> {
    outbound
        .try_send(chunk)
        .map_err(|_closed| Status::unavailable("the stream has ended"))
}

async fn finish(outbound: mpsc::Sender<LogChunk>, mut acks: Streaming<LogAck>) {
    drop(outbound);
    while let Ok(Some(_)) = acks.message().await {}
}
