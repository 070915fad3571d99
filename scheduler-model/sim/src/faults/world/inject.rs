//! Faults come, and in the end all is healed.

use super::{Happening, World, moment::Moment};
use crate::faults::inject::{CrashPoint, Fault, FaultKind};

/// A host's clock stays this near to the right time.
const MOST_WRONG_MS: i64 = 900_000;

impl World<'_> {
    pub(super) fn inject(&mut self, fault: Fault) {
        if self.faults.is_healed() && !matches!(fault, Fault::Rejoin { .. }) {
            return;
        }
        self.trace.tell(self.now, format_args!("fault: {fault:?}"));
        self.faults.disturb(fault.lasts_ms());
        match fault {
            Fault::AgentCrash {
                agent,
                down_ms,
                torn,
            } => self.crash_agent(agent % self.agents.len(), down_ms, torn),
            Fault::AgentPause { agent, ms } => self.pause_agent(agent % self.agents.len(), ms),
            Fault::AgentLeaves { agent } => self.agent_leaves(agent % self.agents.len()),
            Fault::AgentClock { agent, by_ms } => {
                self.statistics.count(FaultKind::AgentClockJump);
                let place = agent % self.agents.len();
                jump(&mut self.agents[place].wall_offset_ms, by_ms);
            }
            Fault::AgentPartition {
                agent,
                coordinator,
                ms,
            } => self.partition(agent % self.agents.len(), coordinator, ms),
            Fault::Rejoin { agent, coordinator } => self.rejoin(agent, coordinator),
            Fault::Cut { agent } => self.cut_agent(agent % self.agents.len()),
            Fault::Storm { ms } => self.network.storm_until = self.now.plus_ms(ms),
            Fault::CoordinatorClock { coordinator, by_ms } => {
                self.statistics.count(FaultKind::CoordinatorClockJump);
                let place = coordinator % self.coordinators.len();
                jump(&mut self.coordinators[place].wall_offset_ms, by_ms);
            }
            Fault::StoreDown { ms } => {
                self.statistics.count(FaultKind::StoreDown);
                self.faults.database_goes_away(self.now.plus_ms(ms));
            }
            Fault::Commit(fault) => self.faults.arm_commit_fault(fault),
            Fault::LeaderCrash { .. }
            | Fault::LeaderCrashAt { .. }
            | Fault::LeaderPause { .. }
            | Fault::LeaderResigns
            | Fault::LeaderCutOff { .. } => self.inject_at_leader(fault),
        }
    }

    fn inject_at_leader(&mut self, fault: Fault) {
        let Some(leader) = self.newest_leader() else {
            return;
        };
        match fault {
            Fault::LeaderCrash { down_ms } => self.crash_coordinator(leader, down_ms),
            Fault::LeaderCrashAt { point, down_ms } => {
                self.faults.arm_crash(point, down_ms);
                match point {
                    // These wait for something that has to be brought about.
                    CrashPoint::MidReconcile => self.cut_agent(leader),
                    CrashPoint::MidLoad => self.crash_coordinator(leader, 50),
                    _ => {}
                }
            }
            Fault::LeaderPause { ms } => {
                self.statistics.count(FaultKind::CoordinatorPaused);
                self.pause_coordinator(leader, ms);
            }
            Fault::LeaderResigns => self.coordinators[leader].shut_down(),
            Fault::LeaderCutOff { ms } => {
                self.statistics.count(FaultKind::StorePartition);
                self.faults
                    .cut_off_from_database(leader, self.now.plus_ms(ms));
            }
            _ => {}
        }
    }

    fn newest_leader(&self) -> Option<usize> {
        let leaders = self.coordinators.iter().enumerate();
        let leaders = leaders.filter_map(|(c, coordinator)| Some((coordinator.leads()?, c)));
        leaders
            .max_by_key(|(leader, _)| leader.epoch())
            .map(|(_, c)| c)
    }

    fn pause_agent(&mut self, a: usize, ms: u64) {
        if self.agents[a].paused || !self.agents[a].is_up() {
            return;
        }
        self.statistics.count(FaultKind::AgentPaused);
        self.checker.agent_paused(a);
        self.agents[a].paused = true;
        let what = super::AgentHappening::Resume;
        self.plan_for_agent(a, self.now.plus_ms(ms), what);
    }

    fn cut_agent(&mut self, a: usize) {
        let connection = self.agents[a % self.agents.len()].connection();
        if let Some(connection) = connection {
            self.statistics.count(FaultKind::ConnectionCut);
            self.cut(connection);
        }
    }

    fn partition(&mut self, a: usize, from: Option<usize>, ms: u64) {
        self.statistics.count(FaultKind::AgentPartition);
        let all = 0..self.coordinators.len();
        let apart: Vec<usize> = match from {
            Some(coordinator) => vec![coordinator % self.coordinators.len()],
            None => all.collect(),
        };
        for coordinator in apart {
            self.part(a, coordinator);
            let rejoin = Fault::Rejoin {
                agent: a,
                coordinator,
            };
            self.line
                .plan(self.now.plus_ms(ms), Happening::Fault(rejoin));
        }
    }

    /// Whatever is broken is mended. Partitions and pauses are over within a while, and processes come back, by what was
    /// planned when they went.
    pub(super) fn heal(&mut self) {
        self.trace.tell(self.now, format_args!("all is healed"));
        self.faults.heal();
        self.database.refuse_once = false;
        self.network.storm_until = Moment::default();
        self.healed_at = Some(self.now);
        self.line.plan(self.now.plus_ms(1_000), Happening::Look);
    }
}

fn jump(offset_ms: &mut i64, by_ms: i64) {
    *offset_ms = (*offset_ms + by_ms).clamp(-MOST_WRONG_MS, MOST_WRONG_MS);
}
