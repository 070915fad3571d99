//! A coordinator is stopped for a while, or dies.

use super::{CoordinatorHappening, Phase};
use crate::faults::{
    inject::{CrashPoint, FaultKind},
    world::{World, network::Side},
};

impl World<'_> {
    pub(in crate::faults::world) fn pause_coordinator(&mut self, c: usize, ms: u64) {
        if self.coordinators[c].paused || !self.coordinators[c].is_up() {
            return;
        }
        self.coordinators[c].paused = true;
        self.plan_for_coordinator(c, self.now.plus_ms(ms), CoordinatorHappening::Resume);
    }

    /// What has come in meanwhile is there at once; the driver may look at the clock first.
    pub(in crate::faults::world) fn resume_coordinator(&mut self, c: usize) {
        if !self.coordinators[c].paused {
            return;
        }
        self.trace
            .tell(self.now, format_args!("coordinator {c} goes on"));
        self.coordinators[c].paused = false;
        if self.checks.chance(500) {
            self.run_driver(c);
        }
        let life = self.coordinators[c].life;
        for stashed in std::mem::take(&mut self.coordinators[c].stash) {
            if self.coordinators[c].life == life {
                self.happen(stashed);
            }
        }
        if self.coordinators[c].life == life {
            self.run_driver(c);
        }
    }

    /// The process is gone, with its memory and its connections.
    pub(in crate::faults::world) fn crash_coordinator(&mut self, c: usize, down_ms: u64) {
        if !self.coordinators[c].is_up() {
            return;
        }
        self.trace
            .tell(self.now, format_args!("coordinator {c} crashes"));
        self.statistics.count(FaultKind::CoordinatorCrash);
        let life = self.coordinators[c].life;
        let coordinator = &mut self.coordinators[c];
        coordinator.phase = Phase::Down;
        coordinator.life += 1;
        coordinator.paused = false;
        coordinator.stash.clear();
        self.drop_connections(
            |end| (end.coordinator, end.coordinator_life) == (c, life),
            Side::Coordinator,
        );
        self.fail_calls_of(c);
        self.plan_for_coordinator(c, self.now.plus_ms(down_ms), CoordinatorHappening::Start);
    }

    /// True when a crash was waiting for this moment: the process is gone then.
    pub(super) fn crashes_here(&mut self, c: usize, point: CrashPoint) -> bool {
        let Some(down_ms) = self.faults.take_crash(point) else {
            return false;
        };
        self.trace
            .tell(self.now, format_args!("crash point: {point}"));
        self.statistics.crash(point);
        self.crash_coordinator(c, down_ms);
        true
    }
}
