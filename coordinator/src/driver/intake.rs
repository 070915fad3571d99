//! From what arrives to events.

use std::time::{Duration, Instant};

use drover_model::{CallerId, Event};

use super::lead::{HEARD_INTERVAL, Leader};
use crate::{
    error::ApiError,
    inbox::{Control, Inbox, Request, Wish},
};

/// Events stepped before the commit in flight is looked at again.
const BATCH: usize = 128;
/// A second without a look at the clock: everybody gets a fresh allowance before anything times out.
const STALL: Duration = Duration::from_secs(1);

impl Leader {
    /// Whatever has arrived by now, control first, up to a bound.
    pub(super) fn take_waiting(&mut self, inbox: &mut Inbox) {
        for _ in 0..BATCH {
            if !self.has_room() {
                return;
            }
            if let Ok(message) = inbox.control.try_recv() {
                self.take_control(message);
            } else if let Ok(request) = inbox.requests.try_recv() {
                self.take_request(request);
            } else {
                return;
            }
        }
    }

    pub(super) fn take_control(&mut self, message: Control) {
        if let Control::Join {
            join, connection, ..
        } = &message
            && self.care.keeps_out(&join.node)
        {
            let _ = connection
                .outgoing
                .try_send(Err(ApiError::internal().into()));
            return;
        }
        if self.is_careful() {
            self.divide(message);
        } else {
            self.step_control(message);
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
            Control::Left { session } => {
                // Its last sign of life may have been acknowledged.
                self.take_pulses();
                self.sessions.remove(session);
                self.step(Event::Left { session });
            }
        }
    }

    pub(super) fn take_request(&mut self, request: Request) {
        if request.reply.is_closed() && !matches!(request.wish, Wish::Submit { .. }) {
            return;
        }
        let caller = CallerId(self.next_caller);
        self.next_caller += 1;
        // Before the step: should it panic, this caller is told.
        self.callers.insert(caller, request.reply);
        self.step(match request.wish {
            Wish::Submit { jobs, looked_up } => Event::Submit {
                caller,
                jobs,
                looked_up,
            },
            Wish::Cancel { job, how, reason } => Event::Cancel {
                caller,
                job,
                how,
                reason,
            },
            Wish::SetQueue(queue) => Event::SetQueue { caller, queue },
            Wish::Ask(question) => Event::Ask { caller, question },
        });
    }

    /// Signs of life first, then everything agents have said, and only then what is due.
    pub(super) fn take_time(&mut self, inbox: &mut Inbox) {
        let now = Instant::now();
        if now >= self.heard_at {
            if now.duration_since(self.heard_at) > STALL {
                tracing::warn!(stall = ?now.duration_since(self.heard_at), "the coordinator was stalled");
                self.sessions.excuse();
            }
            self.heard_at = now + HEARD_INTERVAL;
            self.take_pulses();
        }
        if self.is_careful() {
            // Reports and timers are taken one by one, in the same order.
            return;
        }
        for _ in 0..inbox.control.len() {
            match inbox.control.try_recv() {
                Ok(message) => self.take_control(message),
                Err(_) => break,
            }
        }
        if self.is_timer_due() {
            self.tick();
        }
    }

    /// An acknowledged sign of life has prolonged its agent's lease: it has to be known before a silence is judged.
    pub(super) fn tick(&mut self) {
        self.take_pulses();
        self.step(Event::Tick);
    }

    fn take_pulses(&mut self) {
        let heard = self.sessions.heard(&self.clock);
        if !heard.is_empty() {
            self.step(Event::Heard(heard));
        }
    }

    pub(super) fn is_timer_due(&self) -> bool {
        self.cluster
            .next_timer()
            .is_some_and(|due| due <= self.clock.now())
    }
}
