//! From what arrives to events. As `coordinator/src/driver/intake.rs`.

use std::time::Duration;

use drover_model::{
    CallerId, Event, Heard, SessionId,
    lead::{self, Admission},
};

use super::{Control, Leader};
use crate::faults::{
    inject::{CrashPoint, PlantedBug},
    world::{World, network::Side},
};

impl World<'_> {
    /// The first of the agents' messages, if there is one.
    pub(super) fn take_control(&mut self, c: usize, leader: &mut Leader) -> bool {
        let Some(message) = self.coordinators[c].control.pop_front() else {
            return false;
        };
        match leader.lead.admit(self.now.elapsed(), message) {
            Admission::Step(message) => self.step_control(c, leader, message),
            Admission::Later => {}
            Admission::KeptOut(connection) => self.close(connection, Side::Coordinator, None),
        }
        true
    }

    pub(super) fn step_control(&mut self, c: usize, leader: &mut Leader, message: Control) {
        match message {
            Control::Join {
                session,
                join,
                connection,
            } => {
                leader.sessions.insert(session, connection);
                self.step(c, leader, Event::Join { session, join });
                self.crashes_here(c, CrashPoint::MidReconcile);
            }
            Control::Reports { session, batch } => {
                self.step(c, leader, Event::Reports { session, batch });
            }
            Control::Leaving { session } => self.step(c, leader, Event::Leaving { session }),
            Control::Left { session } => self.leave(c, leader, session),
        }
    }

    pub(super) fn leave(&mut self, c: usize, leader: &mut Leader, session: SessionId) {
        let last_signs = self.heard(c, leader);
        leader.sessions.remove(&session);
        self.step_all(c, leader, lead::left(session, last_signs));
    }

    /// The first of the callers' requests, if there is one.
    pub(super) fn take_request(&mut self, c: usize, leader: &mut Leader) -> bool {
        let Some(request) = self.coordinators[c].requests.pop_front() else {
            return false;
        };
        let caller = CallerId(leader.next_caller);
        leader.next_caller += 1;
        leader.callers.insert(caller, request.call);
        self.step(c, leader, request.wish.into_event(caller));
        true
    }

    pub(super) fn hear(&mut self, c: usize, leader: &mut Leader, stall: Option<Duration>) {
        if stall.is_some() {
            for connection in leader.sessions.values() {
                self.network.connections[*connection].pulse = Some(self.now);
            }
        }
        let is_unheard = self.setting.planted == Some(PlantedBug::ClusterJudgesUnheard);
        if is_unheard && self.checks.chance(500) {
            return;
        }
        let heard = self.heard(c, leader);
        self.step_all(c, leader, lead::heard(heard));
    }

    pub(super) fn tick(&mut self, c: usize, leader: &mut Leader) {
        let last_signs = match self.setting.planted {
            Some(PlantedBug::ClusterJudgesUnheard) => Vec::new(),
            _ => self.heard(c, leader),
        };
        self.step_all(c, leader, lead::tick(last_signs));
    }

    fn step_all(&mut self, c: usize, leader: &mut Leader, events: impl IntoIterator<Item = Event>) {
        for event in events {
            self.step(c, leader, event);
        }
    }

    fn heard(&mut self, c: usize, leader: &Leader) -> Vec<Heard> {
        let by_wall = self.setting.planted == Some(PlantedBug::ClusterHearsByWallClock);
        let wall_offset_ms = self.coordinators[c].wall_offset_ms;
        let mut heard = Vec::new();
        for (session, connection) in &leader.sessions {
            let Some(moment) = self.network.connections[*connection].pulse.take() else {
                continue;
            };
            let at = if by_wall {
                self.wall(wall_offset_ms)
            } else {
                leader.lead.clock().at(moment.elapsed())
            };
            heard.push(Heard {
                session: *session,
                at,
                cpu_permille: 500,
                memory_permille: 500,
            });
        }
        heard
    }
}
