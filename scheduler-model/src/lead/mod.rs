//! One leadership of a coordinator, but for its IO: what is taken next, when a turn is sealed, what follows from each
//! answer of the store, and what is to blame when an event cannot be taken.
//!
//! Whoever has the connections and the store, a process or the simulator, asks what to do next and does it:
//!
//! ```text
//!           +-- TakeControl --> admit --+--> StepControl --+
//!           +-- TakeRequest ------------+------------------+--> step --> next
//!   next ---+-- Step, Hear, Tick -------+------------------+
//!           +-- Commit --> seal, send --> landed --> Perform                       --> next
//!           |                               |  +---> ReadLease --> lease_shows     --> as after landed
//!           |                               +------> Pause --> resume --> ReadLease, Send
//!           +-- Wait: for an answer, for a message if there is room, for a moment  --> next
//!           +-- End
//! ```
//!
//! Moments are readings of a clock that never jumps, as the time since any fixed moment.
//!
//! Absent: connections, sessions, callers, the store. They are not needed to decide.

mod aftermath;
mod backoff;
mod blame;
mod breaker;
mod care;
mod clock;
mod commit;
mod intake;
mod next;
mod room;
mod suspicion;
mod trial;

#[cfg(test)]
mod tests;

use std::{collections::VecDeque, time::Duration};

use crate::{Effects, Epoch, Event, cluster::Cluster, turn::Turn};
pub use aftermath::Aftermath;
pub use backoff::{Backoff, STORE_PAUSE, standby_pause};
use blame::Stepped;
pub use blame::{Poison, What};
pub use breaker::{Breaker, Fault, RoundSeen};
use care::Care;
pub use care::Caution;
pub use clock::ModelClock;
use commit::Flight;
pub use commit::{Clocks, Follow, Landing};
use intake::Unit;
pub use intake::{Admission, Control, Wish, heard, left, tick};
use next::Stage;
pub use next::{Lanes, Next};
pub use room::Room;
pub use suspicion::{KEPT_OUT, Suspicion};
pub use trial::Trial;

/// Specs of new jobs that the open turn gathers at most, in bytes: they cost the store more than their number says.
const MAX_OPEN_BYTES: usize = 8 << 20;

/// Sessions are asked this often whether they were heard from.
const HEARD_INTERVAL: Duration = Duration::from_secs(1);

/// Why a leadership is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Everything open is committed.
    Shutdown,
    /// Another leads.
    Lost,
    /// The lease has run out, and whether the commit in flight has renewed it is not known.
    RanOut,
    /// The last commit is durable, and came back only when its lease had run out: another may lead by now, who knows it
    /// from the store.
    Late,
    /// What the last turn holds cannot be written.
    Poisoned,
}

/// The bounds of a leadership.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// How long it lasts without a commit.
    pub lease: Duration,
    /// To begin with.
    pub room: Room,
}

/// The machine. `Connection` is what an agent's join brings along; it is handed through.
#[derive(Debug)]
pub struct Lead<Connection> {
    clock: ModelClock,
    cluster: Cluster,
    turn: Turn,
    /// `room` follows how long commits take.
    terms: Terms,
    care: Care,
    /// Events that are still to be stepped alone.
    units: VecDeque<Unit<Connection>>,
    /// What the open turn was made of.
    stepped: Stepped,
    flight: Flight,
    /// When sessions are next asked whether they were heard from.
    heard_at: Duration,
    stage: Stage,
    /// The end has been asked for: only what is open is still committed.
    is_closing: bool,
    is_deciding: bool,
}

impl<Connection> Lead<Connection> {
    /// Begins with what was loaded, and with care if the cluster was loaded with it.
    pub fn new(
        turn: Turn,
        cluster: Cluster,
        clock: ModelClock,
        terms: Terms,
        caution: Caution,
        now: Duration,
    ) -> Self {
        Self {
            care: Care::new(cluster.config().careful.then_some(now), caution),
            clock,
            cluster,
            turn,
            terms,
            units: VecDeque::new(),
            stepped: Stepped::default(),
            flight: Flight::default(),
            heard_at: now + HEARD_INTERVAL,
            stage: Stage::Clock,
            is_closing: false,
            is_deciding: false,
        }
    }

    /// Steps one event into the open turn.
    pub fn step(&mut self, now: Duration, event: Event) {
        if self.turn.open().is_empty() {
            // Nothing of what was stepped before can be at fault when this turn is refused.
            self.stepped = Stepped::default();
        }
        self.stepped.begin(&event);
        self.cluster
            .step(self.clock.at(now), event, self.turn.effects());
        self.stepped.end();
    }

    /// Ends the leadership as soon as what is open is committed.
    pub fn close(&mut self) {
        self.is_closing = true;
    }

    pub fn is_closing(&self) -> bool {
        self.is_closing
    }

    /// While care is taken, each event has a commit of its own.
    pub fn is_careful(&self) -> bool {
        self.care.is_taken()
    }

    pub fn epoch(&self) -> Epoch {
        self.turn.epoch()
    }

    pub fn clock(&self) -> &ModelClock {
        &self.clock
    }

    /// Whether a round of dispatch is under way, for whoever has to find out what has panicked.
    pub fn is_deciding(&self) -> bool {
        self.is_deciding
    }

    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// What steps have written since the last turn was sealed.
    pub fn open(&mut self) -> &mut Effects {
        self.turn.effects()
    }

    /// While care is taken, one event at a time: the next waits for the commit of the one before.
    fn has_room(&self) -> bool {
        let open = self.turn.open();
        if self.care.is_taken() {
            return !self.flight.is_awaited() && open.is_empty() && self.units.is_empty();
        }
        open.spec_bytes < MAX_OPEN_BYTES
            && open.jobs.len() + open.attempts.len() + open.actions.len() < self.terms.room.rows()
    }

    fn is_timer_due(&self, now: Duration) -> bool {
        let due = self.cluster.next_timer();
        due.is_some_and(|due| due <= self.clock.at(now))
    }
}
