//! A coordinator's process: stands by, takes the lease, loads, leads, and does so again when it has to. What it decides
//! is decided by [`drover_model::lead`], as in `coordinator/src/driver`; the process, its inbox and its database
//! connections are modelled.

mod border;
mod commit;
mod control;
mod corrupt;
mod drain;
mod intake;
mod isolate;
mod leader;
mod mishaps;
mod panicking;
mod perform;
mod request;
mod store;
mod take_over;

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use drover_model::{
    Epoch, JobId, SessionId,
    lead::{Backoff, Ended, Room, Suspicion},
};

use super::{Happening, World, client::Heard, moment::Moment, network::Side};
use crate::faults::inject::FaultKind;
pub use control::{Control, Request};
pub use drain::Drain;
use leader::Halt;
pub use leader::Leader;
pub use request::{DatabaseAnswer, DatabaseRequest, FailedRequest};

#[derive(Debug)]
pub enum CoordinatorHappening {
    /// The process is started.
    Start,
    /// Time to try for the lease.
    TryToLead,
    /// A timer of the driver.
    Wake,
    Answer {
        ticket: u64,
        answer: Box<DatabaseAnswer>,
    },
    /// A client's call arrives.
    Called { call: usize },
    /// SIGCONT.
    Resume,
}

#[derive(Debug)]
pub enum Phase {
    /// No process.
    Down,
    /// Waits for the lease, or for its turn to try again.
    Standby,
    Acquiring {
        since: Moment,
    },
    /// Ends what is at fault in the record, before the next load.
    Parking {
        epoch: Epoch,
        since: Moment,
    },
    Loading {
        epoch: Epoch,
        since: Moment,
    },
    Leading(Box<Leader>),
    /// The leader is being run right now.
    Stepping,
}

#[derive(Debug)]
pub struct Coordinator {
    pub name: String,
    /// Grows with each start of the process, so that what was planned for an old one is dropped.
    pub life: u64,
    pub phase: Phase,
    pub wall_offset_ms: i64,
    /// Stopped by SIGSTOP: what comes in waits.
    pub paused: bool,
    stash: VecDeque<Happening>,
    control: VecDeque<Control>,
    requests: VecDeque<Request>,
    landed: Option<DatabaseAnswer>,
    next_session: u64,
    wakes_at: Option<Moment>,
    backoff: Backoff,
    /// Of the next leadership, once there was one.
    room: Option<Room>,
    /// When the leadership began that it has or had last.
    began: Moment,
    /// How long it may believe that it leads.
    lease_until: Moment,
    /// SIGTERM.
    shutdown: bool,
    suspicion: Suspicion,
    /// Jobs of turns that were refused although nothing is wrong with them.
    refused_once: BTreeSet<JobId>,
    tickets: u64,
    /// The driver waits for the answer to this request and no other.
    awaited: u64,
    /// Who leads, as far as it knows.
    leader: Option<usize>,
}

impl Coordinator {
    pub fn new(number: usize) -> Self {
        Self {
            name: format!("coordinator-{number}"),
            life: 0,
            phase: Phase::Down,
            wall_offset_ms: 0,
            paused: false,
            stash: VecDeque::new(),
            control: VecDeque::new(),
            requests: VecDeque::new(),
            landed: None,
            next_session: 0,
            wakes_at: None,
            backoff: Backoff::default(),
            room: None,
            began: Moment::default(),
            lease_until: Moment::default(),
            shutdown: false,
            suspicion: Suspicion::default(),
            refused_once: BTreeSet::new(),
            tickets: 0,
            awaited: 0,
            leader: None,
        }
    }

    pub(super) fn leader_hint(&self) -> Option<usize> {
        self.leader
            .filter(|_| !matches!(self.phase, Phase::Leading(_)))
    }

    /// SIGTERM.
    pub(super) fn shut_down(&mut self) {
        self.shutdown = true;
    }

    pub fn is_up(&self) -> bool {
        !matches!(self.phase, Phase::Down)
    }

    pub fn leads(&self) -> Option<&Leader> {
        match &self.phase {
            Phase::Leading(leader) => Some(leader),
            _ => None,
        }
    }

    fn next_session(&mut self) -> SessionId {
        self.next_session += 1;
        SessionId(self.next_session)
    }
}

impl World<'_> {
    pub(super) fn start_coordinator(&mut self, c: usize) {
        let coordinator = &mut self.coordinators[c];
        let fresh = Coordinator::new(c);
        let life = coordinator.life + 1;
        let wall_offset_ms = coordinator.wall_offset_ms;
        *coordinator = Coordinator {
            life,
            wall_offset_ms,
            phase: Phase::Standby,
            ..fresh
        };
        self.trace
            .tell(self.now, format_args!("coordinator {c} starts"));
        self.try_to_lead(c);
    }

    pub(super) fn coordinator_happens(&mut self, c: usize, what: CoordinatorHappening) {
        if self.coordinators[c].paused && !matches!(what, CoordinatorHappening::Resume) {
            let life = self.coordinators[c].life;
            let stashed = Happening::Coordinator {
                coordinator: c,
                life,
                what,
            };
            self.coordinators[c].stash.push_back(stashed);
            return;
        }
        match what {
            CoordinatorHappening::Start => self.start_coordinator(c),
            CoordinatorHappening::TryToLead => self.try_to_lead(c),
            CoordinatorHappening::Wake => {
                self.coordinators[c].wakes_at = None;
                self.run_driver(c);
            }
            CoordinatorHappening::Answer { ticket, answer } => {
                self.database_answers(c, ticket, *answer);
            }
            CoordinatorHappening::Called { call } => {
                self.note_call_arrival(call);
                self.called(c, call);
            }
            CoordinatorHappening::Resume => self.resume_coordinator(c),
        }
    }

    fn try_to_lead(&mut self, c: usize) {
        let now = self.now;
        let coordinator = &mut self.coordinators[c];
        if !matches!(coordinator.phase, Phase::Standby) {
            return;
        }
        coordinator.phase = Phase::Acquiring { since: now };
        let holder = coordinator.name.clone();
        self.ask_database(c, DatabaseRequest::Acquire { holder });
    }

    fn stand_by(&mut self, c: usize, pause: Duration) {
        self.coordinators[c].phase = Phase::Standby;
        self.refuse_everybody(c);
        let then = Moment::of(self.now.elapsed() + pause);
        self.plan_for_coordinator(c, then, CoordinatorHappening::TryToLead);
    }

    /// Stands by, and tries for another leadership.
    fn begin_anew(&mut self, c: usize, pause: Duration) {
        self.stand_by(c, pause);
    }

    /// Nobody leads here: whoever waits is sent away.
    fn refuse_everybody(&mut self, c: usize) {
        let coordinator = &mut self.coordinators[c];
        let control = std::mem::take(&mut coordinator.control);
        let requests = std::mem::take(&mut coordinator.requests);
        for message in control {
            if let Control::Join { connection, .. } = message {
                let leader = self.coordinators[c].leader;
                self.close(connection, Side::Coordinator, leader);
            }
        }
        for request in requests {
            self.refuse_call(c, request.call);
        }
    }

    /// Steps, commits and performs whatever there is to do now.
    fn run_driver(&mut self, c: usize) {
        if self.coordinators[c].paused {
            return;
        }
        let phase = std::mem::replace(&mut self.coordinators[c].phase, Phase::Stepping);
        let Phase::Leading(mut leader) = phase else {
            self.coordinators[c].phase = phase;
            if self.coordinators[c].is_up() {
                self.refuse_everybody(c);
            }
            return;
        };
        match self.lead(c, &mut leader) {
            Halt::Rests { until } => {
                self.coordinators[c].phase = Phase::Leading(leader);
                self.plan_wake(c, until);
            }
            Halt::Crashed => {}
            Halt::Ended(Ended::Shutdown) => self.resign(c, &leader),
            Halt::Ended(ended) => self.lose_leadership(c, &mut leader, Some(ended)),
            Halt::Panicked => self.lose_leadership(c, &mut leader, None),
        }
    }

    fn plan_wake(&mut self, c: usize, wake: Moment) {
        let wake = wake.max(self.now.plus_us(1));
        let planned = &mut self.coordinators[c].wakes_at;
        if planned.is_none_or(|planned| planned > wake) {
            *planned = Some(wake);
            self.plan_for_coordinator(c, wake, CoordinatorHappening::Wake);
        }
    }

    /// Memory is worth nothing now: callers and agents are sent away, and it begins anew after a pause.
    fn lose_leadership(&mut self, c: usize, leader: &mut Leader, ended: Option<Ended>) {
        let epoch = leader.epoch();
        self.trace.tell(
            self.now,
            format_args!("coordinator {c} no longer leads epoch {}", epoch.0),
        );
        let aftermath = leader.lead.aftermath(ended);
        let caller = aftermath.poison.as_ref().and_then(|poison| poison.caller);
        if let Some(call) = caller.and_then(|caller| leader.callers.remove(&caller)) {
            self.answer_call(c, call, Heard::Internal);
        }
        let now = self.now.elapsed();
        let coordinator = &mut self.coordinators[c];
        coordinator.landed = None;
        coordinator.awaited = 0;
        coordinator.lease_until = Moment::default();
        coordinator.room = Some(aftermath.room);
        coordinator.suspicion.note(now, epoch, aftermath);
        let lasted = now.saturating_sub(coordinator.began.elapsed());
        let pause = coordinator.backoff.pause(lasted);
        for call in leader.callers.values() {
            self.refuse_call(c, *call);
        }
        for connection in leader.connections() {
            self.close(connection, Side::Coordinator, None);
        }
        self.begin_anew(c, pause);
    }

    fn resign(&mut self, c: usize, leader: &Leader) {
        self.trace
            .tell(self.now, format_args!("coordinator {c} resigns"));
        self.statistics.count(FaultKind::CoordinatorResigns);
        let epoch = leader.epoch();
        self.ask_database(c, DatabaseRequest::Resign { epoch });
        self.coordinators[c].phase = Phase::Standby;
        for connection in leader.connections() {
            self.close(connection, Side::Coordinator, None);
        }
        self.refuse_everybody(c);
        let life = self.coordinators[c].life;
        self.coordinators[c].phase = Phase::Down;
        self.coordinators[c].life += 1;
        self.drop_connections(
            |end| (end.coordinator, end.coordinator_life) == (c, life),
            Side::Coordinator,
        );
        self.fail_calls_of(c);
        let down_ms = self.faults.restarts_after_ms();
        self.plan_for_coordinator(c, self.now.plus_ms(down_ms), CoordinatorHappening::Start);
    }
}
