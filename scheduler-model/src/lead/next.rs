//! What to do next.
//!
//! A round looks at the clock first, then takes what has arrived, places what may start, and seals the turn if no commit
//! is in flight. While one is, the open turn absorbs what arrives. With care, each event has a round of its own.

use std::time::Duration;

use super::{Control, Ended, HEARD_INTERVAL, Lead, intake::Unit};
use crate::Event;

/// Messages taken before the commit in flight and the clock are looked at again.
const BATCH: usize = 128;
/// So long without a look at the clock: everybody gets a fresh allowance before anything times out.
const STALL: Duration = Duration::from_secs(1);

/// How many messages wait.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lanes {
    /// From agents; drained first.
    pub control: usize,
    /// From callers.
    pub requests: usize,
}

#[derive(Debug)]
pub enum Next<Connection> {
    /// Take an agent's message off its lane; then [`Lead::admit`].
    TakeControl,
    /// Take a caller's request off its lane; then step its wish.
    TakeRequest,
    /// Step this message of an agent, which was taken before.
    StepControl(Control<Connection>),
    Step(Event),
    /// Ask the sessions who was heard from, and step [`super::heard`]. After a stall, in which nobody could be heard,
    /// all of them count as heard from.
    Hear {
        stall: Option<Duration>,
    },
    /// Ask the sessions who was heard from, and step [`super::tick`].
    Tick,
    /// Seal the open turn and commit it.
    Commit,
    /// There is nothing more to do until the commit in flight is answered, a message arrives that may be taken, the end
    /// is asked for, or this moment has come.
    Wait {
        until: Duration,
        /// Whether messages may be taken.
        takes: bool,
    },
    End(Ended),
}

/// How far a round has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Clock,
    /// Takes what agents have said so far, before what is due is judged.
    Drain {
        left: usize,
    },
    Tick,
    Take {
        left: usize,
    },
    Dispatch,
    Rest,
}

impl<Connection> Lead<Connection> {
    /// What to do now. To be asked again when that is done.
    pub fn next(&mut self, now: Duration, lanes: Lanes) -> Next<Connection> {
        // The load may have taken longer than the lease: find out before anybody is answered.
        if self.sealed().is_none() {
            return Next::Commit;
        }
        if self.flight.is_awaited() && now >= self.lease_end() {
            return Next::End(Ended::RanOut);
        }
        if self.is_closing || self.flight.is_exclusive() {
            return self.next_of_the_last();
        }
        if now >= self.heard_at {
            let late = now - self.heard_at;
            self.heard_at = now + HEARD_INTERVAL;
            let stall = (late > STALL).then_some(late);
            return Next::Hear { stall };
        }
        if self.is_careful() {
            self.next_alone(now, lanes)
        } else if self.cluster.config().careful {
            Next::Step(Event::Relax)
        } else {
            self.next_together(now, lanes)
        }
    }

    /// Nothing more is taken: what is open is committed, and its callers are answered.
    fn next_of_the_last(&self) -> Next<Connection> {
        if self.flight.is_awaited() {
            let until = self.lease_end();
            let takes = false;
            Next::Wait { until, takes }
        } else if self.turn.ready() {
            Next::Commit
        } else {
            Next::End(Ended::Shutdown)
        }
    }

    /// Until there is something to commit: what agents say, then what is due, then one placement, then requests.
    fn next_alone(&mut self, now: Duration, lanes: Lanes) -> Next<Connection> {
        let left = match self.stage {
            Stage::Take { left } => left,
            _ => BATCH,
        };
        if left == 0 || self.flight.is_awaited() || !self.turn.open().is_empty() {
            return self.rest(now);
        }
        self.stage = Stage::Take { left: left - 1 };
        match self.units.pop_front() {
            Some(Unit::Recover { node, report }) => Next::Step(Event::Recover { node, report }),
            Some(Unit::Control(message)) => Next::StepControl(message),
            None if lanes.control > 0 => Next::TakeControl,
            None if self.is_timer_due(now) => Next::Tick,
            None if self.cluster.wants_dispatch() => Next::Step(self.decide(now)),
            None if lanes.requests > 0 => Next::TakeRequest,
            None => self.rest(now),
        }
    }

    fn next_together(&mut self, now: Duration, lanes: Lanes) -> Next<Connection> {
        loop {
            match self.stage {
                Stage::Clock if self.is_timer_due(now) => {
                    let left = lanes.control;
                    self.stage = Stage::Drain { left };
                }
                Stage::Clock => self.stage = Stage::Take { left: BATCH },
                Stage::Drain { .. } | Stage::Tick if !self.has_room() => {
                    return self.wait_for_room();
                }
                Stage::Drain { left } if left > 0 && lanes.control > 0 => {
                    self.stage = Stage::Drain { left: left - 1 };
                    return Next::TakeControl;
                }
                Stage::Drain { .. } => self.stage = Stage::Tick,
                Stage::Tick => {
                    self.stage = Stage::Take { left: BATCH };
                    if self.is_timer_due(now) {
                        return Next::Tick;
                    }
                }
                Stage::Take { left } => {
                    let waits = lanes.control > 0 || lanes.requests > 0;
                    if left > 0 && waits && self.has_room() {
                        self.stage = Stage::Take { left: left - 1 };
                        let is_control = lanes.control > 0;
                        return if is_control {
                            Next::TakeControl
                        } else {
                            Next::TakeRequest
                        };
                    }
                    self.stage = Stage::Dispatch;
                }
                Stage::Dispatch => {
                    self.stage = Stage::Rest;
                    let may = !self.flight.is_awaited() && self.has_room();
                    if may && self.cluster.wants_dispatch() {
                        return Next::Step(self.decide(now));
                    }
                }
                Stage::Rest => return self.rest(now),
            }
        }
    }

    fn decide(&mut self, now: Duration) -> Event {
        self.is_deciding = true;
        let decision = self.cluster.decide(self.clock.at(now));
        self.is_deciding = false;
        Event::Dispatch(decision)
    }

    /// The open turn is full: it is committed before anything else happens.
    fn wait_for_room(&self) -> Next<Connection> {
        if !self.flight.is_awaited() {
            return Next::Commit;
        }
        let until = self.lease_end().min(self.heard_at);
        let takes = false;
        Next::Wait { until, takes }
    }

    /// The end of a round.
    fn rest(&mut self, now: Duration) -> Next<Connection> {
        let is_spent = self.stage == Stage::Take { left: 0 };
        self.stage = Stage::Clock;
        if !self.flight.is_awaited() && (self.turn.ready() || now >= self.renew_at()) {
            return Next::Commit;
        }
        let until = if is_spent { now } else { self.wake_at() };
        let takes = self.has_room();
        Next::Wait { until, takes }
    }

    fn wake_at(&self) -> Duration {
        let is_awaited = self.flight.is_awaited();
        let commit = if is_awaited {
            self.lease_end()
        } else {
            self.renew_at()
        };
        let wake = commit.min(self.heard_at);
        match self.cluster.next_timer() {
            // With care, what is due has a commit of its own.
            Some(due) if !(self.is_careful() && is_awaited) => wake.min(self.clock.moment(due)),
            _ => wake,
        }
    }
}
