//! From what arrives to events.

use std::time::Duration;

use drover_model::{
    CallerId, Event, SessionId,
    lead::{self, Admission},
};

use super::leader::Leader;
use crate::{
    error::ApiError,
    inbox::{Control, Request, Wish},
};

impl Leader {
    pub(super) fn take_control(&mut self, message: Control) {
        match self.lead.admit(crate::clock::now(), message) {
            Admission::Step(message) => self.step_control(message),
            Admission::Later => {}
            Admission::KeptOut(connection) => {
                let refusal = ApiError::internal().into();
                let _ = connection.outgoing.try_send(Err(refusal));
            }
        }
    }

    pub(super) fn step_control(&mut self, message: Control) {
        match message {
            Control::Join {
                session,
                join,
                connection,
            } => {
                tracing::info!(node = %join.node, session = session.0, "an agent joins");
                self.sessions.insert(session, connection);
                self.step(Event::Join { session, join });
            }
            Control::Reports { session, batch } => self.step(Event::Reports { session, batch }),
            Control::Leaving { session } => self.step(Event::Leaving { session }),
            Control::Left { session } => self.leave(session),
        }
    }

    fn leave(&mut self, session: SessionId) {
        let last_sign = self.sessions.remove(session, self.lead.clock());
        self.step_all(lead::left(session, last_sign.into_iter().collect()));
    }

    pub(super) fn take_request(&mut self, request: Request) {
        if request.reply.is_closed() && !matches!(request.wish, Wish::Submit { .. }) {
            return;
        }
        let caller = CallerId(self.next_caller);
        self.next_caller += 1;
        // Before the step: should it panic, this caller is told.
        self.callers.insert(caller, request.reply);
        self.step(request.wish.into_event(caller));
    }

    pub(super) fn hear(&mut self, stall: Option<Duration>) {
        if let Some(stall) = stall {
            tracing::warn!(?stall, "the coordinator was stalled");
            self.sessions.excuse();
        }
        self.step_all(lead::heard(self.sessions.heard(self.lead.clock())));
    }

    pub(super) fn tick(&mut self) {
        self.step_all(lead::tick(self.sessions.heard(self.lead.clock())));
    }

    pub(super) fn step_all(&mut self, events: impl IntoIterator<Item = Event>) {
        for event in events {
            self.step(event);
        }
    }
}
