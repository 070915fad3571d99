//! From what arrives to events. As `coordinator/src/driver/intake.rs`.

use drover_model::{CallerId, Event, Heard};

use super::{Control, Leader, Request, Wish, careful::divide, leader::HEARD_INTERVAL_MS};
use crate::{
    faults::{CrashPoint, PlantedBug},
    world::{World, network::Side},
};

/// Events stepped before the commit in flight is looked at again.
const BATCH: usize = 128;
/// So long without a look at the clock: everybody gets a fresh allowance before anything times out.
const STALL_MS: u64 = 1_000;

impl World<'_> {
    /// Whatever has arrived by now, control first, up to a bound.
    pub(super) fn take_waiting(&mut self, c: usize, leader: &mut Leader) {
        for _ in 0..BATCH {
            if !self.has_room(leader) || !self.coordinators[c].is_up() {
                return;
            }
            if let Some(message) = self.coordinators[c].control.pop_front() {
                self.take_control(c, leader, message);
            } else if let Some(request) = self.coordinators[c].requests.pop_front() {
                self.take_request(c, leader, request);
            } else {
                return;
            }
        }
    }

    pub(super) fn take_control(&mut self, c: usize, leader: &mut Leader, message: Control) {
        if let Control::Join {
            join, connection, ..
        } = &message
            && self.keeps_out(c, &join.node)
        {
            return self.close(*connection, Side::Coordinator, None);
        }
        if leader.care.is_taken() {
            divide(message, &mut leader.units);
        } else {
            self.step_control(c, leader, message);
        }
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
            Control::Left { session } => {
                // Its last sign of life may have been acknowledged.
                self.take_pulses(c, leader);
                leader.sessions.remove(&session);
                self.step(c, leader, Event::Left { session });
            }
        }
    }

    pub(super) fn take_request(&mut self, c: usize, leader: &mut Leader, request: Request) {
        let caller = CallerId(leader.next_caller);
        leader.next_caller += 1;
        leader.callers.insert(caller, request.call);
        let event = match request.wish {
            Wish::Submit { jobs, looked_up } => Event::Submit {
                caller,
                jobs,
                looked_up,
            },
            Wish::Cancel { job, how } => Event::Cancel {
                caller,
                job,
                how,
                reason: "somebody asked for it".into(),
            },
            Wish::SetQueue(queue) => Event::SetQueue { caller, queue },
            Wish::Ask(question) => Event::Ask { caller, question },
        };
        self.step(c, leader, event);
    }

    /// Signs of life first, then everything agents have said, and only then what is due.
    pub(super) fn take_time(&mut self, c: usize, leader: &mut Leader) {
        if self.now >= leader.heard_at {
            if self.now.ms_since(leader.heard_at) > STALL_MS {
                for connection in leader.sessions.values() {
                    self.network.connections[*connection].pulse = Some(self.now);
                }
            }
            leader.heard_at = self.now.plus_ms(HEARD_INTERVAL_MS);
            self.take_pulses(c, leader);
        }
        if leader.care.is_taken() {
            // Reports and timers are taken one by one, in the same order.
            return;
        }
        for message in std::mem::take(&mut self.coordinators[c].control) {
            if self.coordinators[c].is_up() {
                self.take_control(c, leader, message);
            }
        }
        if leader.is_timer_due(self.now) {
            self.tick(c, leader);
        }
    }

    /// An acknowledged sign of life has prolonged its agent's lease: it has to be known before a silence is judged.
    pub(super) fn tick(&mut self, c: usize, leader: &mut Leader) {
        if self.setting.planted != Some(PlantedBug::ClusterJudgesUnheard) {
            self.take_pulses(c, leader);
        }
        self.step(c, leader, Event::Tick);
    }

    pub(super) fn take_pulses(&mut self, c: usize, leader: &mut Leader) {
        let heard = self.heard(c, leader);
        if !heard.is_empty() {
            self.step(c, leader, Event::Heard(heard));
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
                leader.clock.at(moment)
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
