//! When what goes wrong, drawn before the world begins.

use super::{CommitFault, CrashPoint, Faults};
use crate::{
    faults::{setting::Setting, world::moment::Moment},
    random::{Purpose, Random},
};

/// One thing that goes wrong. Names of agents and coordinators are drawn as numbers and taken modulo how many there are.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    AgentCrash {
        agent: usize,
        down_ms: u64,
        torn: bool,
    },
    AgentPause {
        agent: usize,
        ms: u64,
    },
    AgentLeaves {
        agent: usize,
    },
    AgentClock {
        agent: usize,
        by_ms: i64,
    },
    /// From one coordinator, or from all.
    AgentPartition {
        agent: usize,
        coordinator: Option<usize>,
        ms: u64,
    },
    Rejoin {
        agent: usize,
        coordinator: usize,
    },
    Cut {
        agent: usize,
    },
    Storm {
        ms: u64,
    },
    /// Of the one that leads, if any does.
    LeaderCrash {
        down_ms: u64,
    },
    LeaderCrashAt {
        point: CrashPoint,
        down_ms: u64,
    },
    LeaderPause {
        ms: u64,
    },
    LeaderResigns,
    CoordinatorClock {
        coordinator: usize,
        by_ms: i64,
    },
    LeaderCutOff {
        ms: u64,
    },
    StoreDown {
        ms: u64,
    },
    Commit(CommitFault),
}

pub(super) const LONGEST_COMMIT_MS: u64 = 8_000;

impl Fault {
    /// What waits for its moment lasts from then on.
    pub(crate) fn lasts_ms(&self) -> u64 {
        match self {
            Self::AgentCrash { down_ms, .. } | Self::LeaderCrash { down_ms } => *down_ms,
            Self::AgentPause { ms, .. }
            | Self::AgentPartition { ms, .. }
            | Self::Storm { ms }
            | Self::LeaderPause { ms }
            | Self::LeaderCutOff { ms }
            | Self::StoreDown { ms } => *ms,
            _ => 0,
        }
    }
}

type Draw = fn(&mut Random) -> Fault;

/// Each with how many times as often as the rarest it comes.
const KINDS: &[(u64, Draw)] = &[
    (3, |random| Fault::AgentCrash {
        agent: agent(random),
        down_ms: random.spread(50, 30_000),
        torn: random.chance(400),
    }),
    (2, |random| Fault::AgentPause {
        agent: agent(random),
        ms: random.spread(500, 40_000),
    }),
    (1, |random| Fault::AgentLeaves {
        agent: agent(random),
    }),
    (1, |random| Fault::AgentClock {
        agent: agent(random),
        by_ms: jump(random),
    }),
    (3, |random| Fault::AgentPartition {
        agent: agent(random),
        coordinator: random.chance(300).then(|| random.below(3) as usize),
        ms: random.spread(500, 60_000),
    }),
    (3, |random| Fault::Cut {
        agent: agent(random),
    }),
    (1, |random| Fault::Storm {
        ms: random.spread(500, 10_000),
    }),
    (2, |random| Fault::LeaderCrash {
        down_ms: random.spread(50, 20_000),
    }),
    (8, |random| Fault::LeaderCrashAt {
        point: *random.pick(CrashPoint::ALL),
        down_ms: random.spread(50, 10_000),
    }),
    (3, |random| Fault::LeaderPause {
        ms: random.spread(200, 20_000),
    }),
    (1, |_| Fault::LeaderResigns),
    (1, |random| Fault::CoordinatorClock {
        coordinator: random.below(3) as usize,
        by_ms: jump(random),
    }),
    (2, |random| Fault::LeaderCutOff {
        ms: random.spread(200, 20_000),
    }),
    (1, |random| Fault::StoreDown {
        ms: random.spread(200, 15_000),
    }),
    (5, |random| Fault::Commit(commit_fault(random))),
];

impl Faults {
    /// In no order.
    pub fn plan(&self, setting: &Setting) -> Vec<(Moment, Fault)> {
        let mut random = Random::new(setting.seed ^ 0x5eed, Purpose::Faults);
        // A subset of the kinds, so that rare combinations of few become common (Groce et al., "Swarm Testing", ISSTA
        // 2012).
        let kinds: Vec<(u64, Draw)> = KINDS
            .iter()
            .copied()
            .filter(|_| random.chance(650))
            .collect();
        let total: u64 = kinds.iter().map(|(weight, _)| weight).sum();
        let count = setting.faults_per_minute * setting.faulty_ms / 60_000;
        if total == 0 {
            return Vec::new();
        }
        (0..count)
            .map(|_| {
                let mut place = random.below(total);
                let draw = kinds.iter().find(|(weight, _)| {
                    let here = place < *weight;
                    place = place.saturating_sub(*weight);
                    here
                });
                let (_, draw) = draw.expect("the place is below the total");
                let at = Moment::default().plus_us(random.below(setting.faulty_ms * 1_000));
                (at, draw(&mut random))
            })
            .collect()
    }
}

fn agent(random: &mut Random) -> usize {
    random.below(60) as usize
}

/// Up to ten minutes, in both directions.
fn jump(random: &mut Random) -> i64 {
    let ms = random.spread(100, 600_000) as i64;
    if random.chance(500) { ms } else { -ms }
}

fn commit_fault(random: &mut Random) -> CommitFault {
    match random.below(5) {
        0 => CommitFault::LostBefore,
        1 => CommitFault::AnswerLost,
        2 => CommitFault::Late {
            ms: random.spread(5, LONGEST_COMMIT_MS),
        },
        3 => CommitFault::Slow {
            ms: random.spread(20, LONGEST_COMMIT_MS),
        },
        _ => CommitFault::RefusedOnce,
    }
}
