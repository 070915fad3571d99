//! Connected agents, as the driver sees them.

use std::sync::Arc;

use drover_model::{AttemptKey, CloseReason, Heard, SessionId, lead::ModelClock};
use drover_proto::{agent, v1};
use prost::Message as _;
use rustc_hash::FxHashMap;
use tokio_util::sync::DropGuard;

use crate::{
    error::{ApiError, Code},
    inbox::{Outgoing, Pulse},
};

/// Assignments go out in messages of about this size, well below what an agent accepts.
const MAX_ASSIGNMENT_BYTES: usize = 1024 * 1024;

/// One agent's connection. Dropping it ends the stream.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) outgoing: Outgoing,
    pub(crate) pulse: Arc<Pulse>,
    /// Ends the task that reads the stream.
    pub(crate) _reader: DropGuard,
}

/// What one turn has for one session.
#[derive(Debug, Default)]
pub(super) struct Parcel {
    pub(super) welcome: Option<v1::Welcome>,
    pub(super) acknowledged: u64,
    pub(super) assignments: Vec<v1::Assign>,
    /// With the milliseconds from SIGTERM to SIGKILL.
    pub(super) stops: Vec<(AttemptKey, u32)>,
    pub(super) close: Option<CloseReason>,
}

#[derive(Debug, Default)]
pub(super) struct Sessions {
    open: FxHashMap<SessionId, Session>,
}

impl Sessions {
    pub(super) fn insert(&mut self, id: SessionId, session: Session) {
        self.open.insert(id, session);
    }

    /// Returns its last sign of life, if nobody has heard of it yet.
    pub(super) fn remove(&mut self, id: SessionId, clock: &ModelClock) -> Option<Heard> {
        self.open.remove(&id)?.pulse.take(id, clock)
    }

    /// Who was heard from since the last call.
    pub(super) fn heard(&self, clock: &ModelClock) -> Vec<Heard> {
        let mut heard: Vec<Heard> = self
            .open
            .iter()
            .filter_map(|(id, session)| session.pulse.take(*id, clock))
            .collect();
        heard.sort_unstable_by_key(|heard| heard.session);
        heard
    }

    /// Gives everybody a fresh allowance, after a stall in which nobody could be heard.
    pub(super) fn excuse(&self) {
        for session in self.open.values() {
            session.pulse.beat();
        }
    }

    /// Gives back a session that does not keep up: it ends when it is dropped, and the agent joins again.
    #[must_use]
    pub(super) fn deliver(&mut self, id: SessionId, parcel: Parcel) -> Option<Session> {
        let session = self.open.get(&id)?;
        if let Some(reason) = parcel.close {
            let _ = session.outgoing.try_send(Err(closed(reason).into()));
            self.open.remove(&id);
            return None;
        }
        let kept_up = messages(parcel)
            .into_iter()
            .all(|message| send(&session.outgoing, message));
        if kept_up {
            return None;
        }
        tracing::warn!(
            session = id.0,
            "the agent does not keep up; closing its session"
        );
        self.open.remove(&id)
    }
}

fn closed(reason: CloseReason) -> ApiError {
    match reason {
        CloseReason::Superseded => ApiError::new(
            Code::Superseded,
            "a newer agent has joined under the same node name",
        ),
        CloseReason::TimedOut => ApiError::new(
            Code::Unavailable,
            "the node was silent for longer than the node timeout; join again",
        ),
    }
}

fn send(outgoing: &Outgoing, message: v1::coordinator_message::Message) -> bool {
    let message = v1::CoordinatorMessage {
        message: Some(message),
    };
    outgoing.try_send(Ok(message)).is_ok()
}

/// Few messages, however much the turn has decided.
fn messages(parcel: Parcel) -> Vec<v1::coordinator_message::Message> {
    use v1::coordinator_message::Message;
    let mut messages = Vec::new();
    messages.extend(parcel.welcome.map(Message::Welcome));
    if parcel.acknowledged > 0 {
        messages.push(Message::Ack(v1::Ack {
            sequence: parcel.acknowledged,
        }));
    }
    let mut bytes = 0;
    let mut assignments = Vec::new();
    for assign in parcel.assignments {
        bytes += assign.encoded_len();
        assignments.push(assign);
        if bytes >= MAX_ASSIGNMENT_BYTES {
            bytes = 0;
            let assignments = std::mem::take(&mut assignments);
            messages.push(Message::Assignments(v1::Assignments { assignments }));
        }
    }
    if !assignments.is_empty() {
        messages.push(Message::Assignments(v1::Assignments { assignments }));
    }
    if !parcel.stops.is_empty() {
        messages.push(Message::Stop(agent::stop_to_wire(parcel.stops)));
    }
    messages
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::sync::mpsc;
    use tokio_util::sync::CancellationToken;

    use super::*;

    fn assign(bytes: usize) -> v1::Assign {
        v1::Assign {
            payload: Bytes::from(vec![0; bytes]),
            ..v1::Assign::default()
        }
    }

    #[test]
    fn a_turn_is_one_message_of_each_kind() {
        let parcel = Parcel {
            acknowledged: 7,
            assignments: vec![assign(1), assign(1)],
            ..Parcel::default()
        };
        assert_eq!(messages(parcel).len(), 2);
        let large = Parcel {
            assignments: (0..30).map(|_| assign(100_000)).collect(),
            ..Parcel::default()
        };
        assert_eq!(messages(large).len(), 3);
    }

    #[test]
    fn who_does_not_keep_up_is_dropped() {
        let (outgoing, _full) = mpsc::channel(1);
        let token = CancellationToken::new();
        let mut sessions = Sessions::default();
        sessions.insert(
            SessionId(1),
            Session {
                outgoing,
                pulse: Arc::default(),
                _reader: token.clone().drop_guard(),
            },
        );
        let parcel = || Parcel {
            acknowledged: 1,
            ..Parcel::default()
        };
        assert!(sessions.deliver(SessionId(1), parcel()).is_none());
        assert!(!token.is_cancelled());
        drop(sessions.deliver(SessionId(1), parcel()).unwrap());
        assert!(token.is_cancelled());
        assert!(sessions.open.is_empty());
    }
}
