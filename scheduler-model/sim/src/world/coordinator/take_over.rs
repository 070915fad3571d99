//! From standing by to leading. As `coordinator/src/driver/take_over.rs`.

use std::borrow::Cow;

use drover_model::{
    Epoch, Snapshot,
    cluster::Config,
    record::{Line, Settings},
};

use super::{
    DatabaseAnswer, DatabaseRequest, Leader, ModelClock, Phase, STANDBY_INTERVAL_MS,
    STORE_BACKOFF_MS, careful::Care,
};
use crate::{
    faults::{CrashPoint, FaultKind},
    world::{World, moment::Moment},
};

impl World<'_> {
    pub(super) fn taking_over(&mut self, c: usize, answer: DatabaseAnswer) {
        let phase = std::mem::replace(&mut self.coordinators[c].phase, Phase::Stepping);
        match (phase, answer) {
            (Phase::Acquiring { since }, DatabaseAnswer::Leader(epoch)) => {
                let words = format_args!("coordinator {c} takes epoch {}", epoch.0);
                self.trace.tell(self.now, words);
                self.isolate_or_load(c, epoch, since);
            }
            (Phase::Acquiring { .. }, DatabaseAnswer::HeldFor { ms, holder }) => {
                let holder = self
                    .coordinators
                    .iter()
                    .position(|other| other.name == holder);
                self.coordinators[c].leader = holder;
                self.stand_by(c, ms.clamp(10, STANDBY_INTERVAL_MS));
            }
            (Phase::Parking { epoch, since }, DatabaseAnswer::Isolated) => {
                self.load(c, epoch, since);
            }
            (Phase::Loading { epoch, since }, DatabaseAnswer::Loaded(Some(snapshot))) => {
                self.take_over(c, epoch, since, *snapshot);
            }
            (Phase::Parking { epoch, .. } | Phase::Loading { epoch, .. }, _) => {
                // Another may be able to.
                self.ask_database(c, DatabaseRequest::Resign { epoch });
                self.stand_by(c, STORE_BACKOFF_MS);
            }
            (Phase::Acquiring { .. }, _) => self.stand_by(c, STORE_BACKOFF_MS),
            (phase, _) => self.coordinators[c].phase = phase,
        }
    }

    pub(super) fn load(&mut self, c: usize, epoch: Epoch, since: Moment) {
        self.coordinators[c].phase = Phase::Loading { epoch, since };
        self.ask_database(c, DatabaseRequest::Load { epoch });
    }

    fn take_over(&mut self, c: usize, epoch: Epoch, since: Moment, snapshot: Snapshot) {
        if self.crashes_here(c, CrashPoint::MidLoad) {
            return;
        }
        let wall = self.wall(self.coordinators[c].wall_offset_ms);
        let clock = ModelClock::start(snapshot.model_time, wall, self.now);
        let careful = std::mem::take(&mut self.coordinators[c].careful);
        let config = Config {
            policy: self.setting.policy,
            mode: self.setting.mode,
            node_timeout_ms: self.setting.node_timeout_ms,
            careful,
            ..Config::default()
        };
        if careful {
            self.statistics.count(FaultKind::CarefulLeadership);
        }
        self.statistics.loads += 1;
        self.trace.tell(
            self.now,
            format_args!("coordinator {c} leads epoch {} careful {careful}", epoch.0),
        );
        let coordinator = &mut self.coordinators[c];
        coordinator.lease_until = since.plus_ms(self.setting.lease_ms);
        coordinator.began = self.now;
        coordinator.leader = Some(c);
        self.record(
            c,
            &Line::Load {
                now: clock.at(self.now),
                settings: Settings::of(&config),
                snapshot: Cow::Borrowed(&snapshot),
            },
        );
        let care = Care::new(careful, self.now);
        let mut leader = Box::new(Leader::new(config, snapshot, clock, self.now, care));
        leader.cluster.assert_consistent();
        // The load may have taken longer than the lease: find out before anybody is answered.
        self.start_commit(c, &mut leader);
        self.coordinators[c].phase = Phase::Leading(leader);
        self.run_driver(c);
    }
}
