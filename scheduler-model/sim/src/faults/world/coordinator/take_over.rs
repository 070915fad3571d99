//! From standing by to leading. As `coordinator/src/driver/take_over.rs`.

use std::{borrow::Cow, sync::Arc, time::Duration};

use bytes::Bytes;

use drover_model::{
    Epoch, Snapshot,
    cluster::Config,
    lead::{ModelClock, STORE_PAUSE, standby_pause},
    policy::Policy,
    record::{Line, Settings},
};

use super::{DatabaseAnswer, DatabaseRequest, Leader, Phase, panicking};
use crate::faults::{
    inject::{CrashPoint, FaultKind},
    world::{World, client::policies, moment::Moment},
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
                self.stand_by(c, standby_pause(Duration::from_millis(ms)));
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
                self.begin_anew(c, STORE_PAUSE);
            }
            (Phase::Acquiring { .. }, _) => self.begin_anew(c, STORE_PAUSE),
            (phase, _) => self.coordinators[c].phase = phase,
        }
    }

    pub(super) fn load(&mut self, c: usize, epoch: Epoch, since: Moment) {
        self.coordinators[c].phase = Phase::Loading { epoch, since };
        self.ask_database(c, DatabaseRequest::Load { epoch });
    }

    fn take_over(&mut self, c: usize, epoch: Epoch, since: Moment, mut snapshot: Snapshot) {
        if self.crashes_here(c, CrashPoint::MidLoad) {
            return;
        }
        let wall = self.wall(self.coordinators[c].wall_offset_ms);
        let clock = ModelClock::start(snapshot.model_time, wall, self.now.elapsed());
        let careful = self.coordinators[c].suspicion.is_careful();
        self.mark_panicking(&mut snapshot);
        let (policy, policy_weights) = self.policy_in_use();
        let mut config = Config {
            policy: panicking::policy(&policy),
            policy_weights,
            mode: self.setting.mode,
            weights: self.setting.weights,
            node_timeout_ms: self.setting.node_timeout_ms,
            quarantine: self.setting.quarantine,
            age_cap_ms: self.setting.age_cap_ms,
            careful,
            ..Config::default()
        };
        if let Some(bug) = self.setting.planted {
            bug.corrupt_config(&mut config);
        }
        if careful {
            self.statistics.count(FaultKind::CarefulLeadership);
        }
        self.statistics.loads += 1;
        self.trace.tell(
            self.now,
            format_args!("coordinator {c} leads epoch {} careful {careful}", epoch.0),
        );
        let coordinator = &mut self.coordinators[c];
        coordinator.began = self.now;
        coordinator.lease_until = since.plus_ms(self.setting.lease_ms);
        coordinator.leader = Some(c);
        self.record(
            c,
            &Line::Load {
                now: clock.at(self.now.elapsed()),
                settings: Settings::of(&config),
                snapshot: Cow::Borrowed(&snapshot),
            },
        );
        self.checker.leads(c, &snapshot, careful);
        if let Some(bug) = self.setting.planted {
            snapshot
                .nodes
                .iter_mut()
                .for_each(|row| bug.corrupt_node(row));
        }
        let leader = Leader::new(self, c, config, snapshot, clock);
        leader.lead.cluster().assert_consistent();
        self.coordinators[c].phase = Phase::Leading(Box::new(leader));
        self.run_driver(c);
    }

    /// As the record says, or as the cluster was set up.
    fn policy_in_use(&self) -> (Arc<dyn Policy>, Option<Bytes>) {
        let Some(version) = &self.database.policy else {
            return (Arc::clone(&self.setting.policy), None);
        };
        let source = policies::source(version);
        let policy = source.build().expect("what is used can be built");
        (policy, source.weights)
    }
}
