//! The streams of agents.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use drover_model::SessionId;
use drover_proto::{AGENT_PROTOCOL_VERSION, DecodeError, agent, v1};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};
use v1::agent_message::Message;

use super::{Answers, session::Reader};
use crate::{
    driver::Session,
    error::{ApiError, Code},
    inbox::{Control, Pulse},
    logs::{Acks, Logs, MAX_CHUNK_BYTES},
    principal::Principal,
    server::Parts,
    standing::Standing,
    store::LogRow,
};

/// Messages that may wait for one agent; beyond, its session is closed and it joins again.
const OUTGOING: usize = 1_024;
const LOG_ACKS: usize = 64;
/// A connection that says nothing is not an agent's.
const JOIN_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) struct Agents {
    parts: Parts,
    next_session: AtomicU64,
}

impl Agents {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            parts,
            next_session: AtomicU64::new(1),
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
pub(super) fn malformed(error: DecodeError) -> ApiError {
    ApiError::invalid_field(error.field, error.problem)
}

#[tonic::async_trait]
impl v1::agent_service_server::AgentService for Agents {
    type SessionStream = Answers<v1::CoordinatorMessage>;
    type LogsStream = Answers<v1::LogAck>;

    async fn session(
        &self,
        request: Request<Streaming<v1::AgentMessage>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        Principal::of(&request)?;
        self.parts.senders.require_leader()?;
        let mut incoming = request.into_inner();
        let join = first_message(&mut incoming).await?;
        if !(AGENT_PROTOCOL_VERSION.saturating_sub(1).max(1)..=AGENT_PROTOCOL_VERSION)
            .contains(&join.protocol_version)
        {
            let message = format!(
                "this coordinator speaks version {AGENT_PROTOCOL_VERSION} of the agent protocol, the agent {}; use the same \
                 release of both",
                join.protocol_version
            );
            return Err(ApiError::new(Code::UnsupportedProtocol, message).into());
        }
        let join = Box::new(agent::join_from_wire(join).map_err(malformed)?);
        let session = SessionId(self.next_session.fetch_add(1, Ordering::Relaxed));
        let (outgoing, answers) = mpsc::channel(OUTGOING);
        let pulse = Arc::new(Pulse::default());
        pulse.beat();
        let ended = CancellationToken::new();
        let reader = Reader {
            session,
            incoming,
            outgoing: outgoing.downgrade(),
            pulse: Arc::clone(&pulse),
            senders: self.parts.senders.clone(),
            lease: Arc::clone(&self.parts.lease),
            ended: ended.clone(),
        };
        let connection = Session {
            outgoing,
            pulse,
            _reader: ended.drop_guard(),
        };
        self.parts
            .senders
            .control(Control::Join {
                session,
                join,
                connection,
            })
            .await?;
        tokio::spawn(reader.run());
        Ok(Response::new(answers.into()))
    }

    async fn logs(
        &self,
        request: Request<Streaming<v1::LogChunk>>,
    ) -> Result<Response<Self::LogsStream>, Status> {
        Principal::of(&request)?;
        self.parts.senders.require_leader()?;
        let (acks, answers) = mpsc::channel(LOG_ACKS);
        tokio::spawn(take_logs(
            self.parts.logs.clone(),
            self.parts.standing(),
            request.into_inner(),
            acks,
        ));
        Ok(Response::new(answers.into()))
    }
}

async fn first_message(incoming: &mut Streaming<v1::AgentMessage>) -> Result<v1::Join, Status> {
    let first = tokio::time::timeout(JOIN_TIMEOUT, incoming.message())
        .await
        .map_err(|_| Status::deadline_exceeded("no Join has arrived"))??;
    match first.and_then(|message| message.message) {
        Some(Message::Join(join)) => Ok(join),
        _ => Err(
            ApiError::invalid_field("message", "the first message of a session must be Join")
                .into(),
        ),
    }
}

/// Until the agent ends the stream, the writer refuses a chunk, one makes no sense, or another coordinator is to be told:
/// those who follow output ask the leader.
async fn take_logs(
    logs: Logs,
    mut standing: watch::Receiver<Standing>,
    mut incoming: Streaming<v1::LogChunk>,
    acks: Acks,
) {
    loop {
        let message = tokio::select! {
            message = incoming.message() => message,
            () = acks.closed() => return,
            refusal = deposed(&mut standing) => {
                let _ = acks.send(Err(refusal.into())).await;
                return;
            }
        };
        let Ok(Some(chunk)) = message else {
            return;
        };
        let sequence = chunk.sequence;
        match log_row(chunk) {
            Ok(row) => {
                if !logs.append(row, sequence, &acks).await {
                    return;
                }
            }
            Err(error) => {
                let _ = acks.send(Err(error.into())).await;
                return;
            }
        }
    }
}

/// Waits until this coordinator does not lead.
async fn deposed(standing: &mut watch::Receiver<Standing>) -> ApiError {
    match standing.wait_for(|standing| !standing.leads).await {
        Ok(standing) => standing.refusal(),
        Err(_) => ApiError::not_leader(None),
    }
}

/// Checks a chunk as far as readers rely on it.
fn log_row(chunk: v1::LogChunk) -> Result<LogRow, ApiError> {
    let key = agent::key_from_wire(chunk.key.as_ref()).map_err(malformed)?;
    let length = plain_length(&chunk.data)
        .ok_or_else(|| ApiError::invalid_field("data", "must be a zstd frame of at most 64 KiB"))?;
    if i64::try_from(chunk.offset).is_err() {
        return Err(ApiError::invalid_field("offset", "is too large"));
    }
    let stream = match chunk.stream() {
        v1::LogStream::Stderr => 2,
        v1::LogStream::Stdout | v1::LogStream::Unspecified => 1,
    };
    Ok(LogRow {
        key,
        offset: chunk.offset,
        stream,
        length,
        data: chunk.data,
        end: chunk.end,
    })
}

fn plain_length(frame: &Bytes) -> Option<u32> {
    if frame.is_empty() {
        return Some(0);
    }
    let plain = zstd::bulk::decompress(frame, MAX_CHUNK_BYTES).ok()?;
    u32::try_from(plain.len()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(data: Bytes) -> v1::LogChunk {
        v1::LogChunk {
            key: Some(v1::AttemptKey {
                job_id: Bytes::from_static(&[1; 16]),
                task: 0,
                attempt: 1,
            }),
            data,
            ..Default::default()
        }
    }

    #[test]
    fn chunks_are_measured_and_bounded() {
        let frame = |length| Bytes::from(zstd::bulk::compress(&vec![7; length], 1).unwrap());
        assert_eq!(log_row(chunk(frame(1_000))).unwrap().length, 1_000);
        assert_eq!(log_row(chunk(Bytes::new())).unwrap().length, 0);
        assert!(log_row(chunk(frame(MAX_CHUNK_BYTES + 1))).is_err());
        assert!(log_row(chunk(Bytes::from_static(b"not zstd"))).is_err());
        let mut keyless = chunk(Bytes::new());
        keyless.key = None;
        assert!(log_row(keyless).is_err());
    }
}
