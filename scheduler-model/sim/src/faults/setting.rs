//! The size and the limits of one simulated cluster.

mod agents;

use std::sync::Arc;

use drover_model::{
    Term, Weights,
    cluster::Quarantine,
    dispatch::Mode,
    policy::{self, Policy},
};

use crate::{
    faults::inject::PlantedBug,
    random::{Purpose, Random},
};
pub use agents::{AgentSetting, GPU_MODELS, LEAST_CORES, NAMED, REGIONS};

const SHORT_AGE_CAP_MS: u64 = 20_000;
/// Longer than any history.
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// What a seed stands for. Everything else is drawn from the seed's streams.
#[derive(Clone, Debug)]
pub struct Setting {
    pub seed: u64,
    pub coordinators: usize,
    pub agents: Vec<AgentSetting>,
    pub jobs: u32,
    /// How long jobs arrive and faults happen. Then everything is healed, and every job has to end.
    pub faulty_ms: u64,
    pub policy: Arc<dyn Policy>,
    pub mode: Mode,
    pub weights: Weights,
    pub node_timeout_ms: u64,
    pub heartbeat_interval_ms: u64,
    /// Of the coordinators' lease.
    pub lease_ms: u64,
    /// Rows and actions that the open turn may gather while a commit is in flight.
    pub max_open: usize,
    pub quarantine: Quarantine,
    /// In some clusters so short that much grows old.
    pub age_cap_ms: u64,
    /// Faults in each simulated minute.
    pub faults_per_minute: u64,
    /// How often somebody takes a node out of service, or says otherwise what it is.
    pub operations: u64,
    /// How often somebody wants another policy.
    pub switches: u64,
    /// A mistake that the checkers have to find.
    pub planted: Option<PlantedBug>,
    /// Keeps a history in words.
    pub trace: bool,
    /// Writes down what each coordinator steps, as `--record` does.
    pub record: bool,
}

impl Setting {
    pub fn of_seed(seed: u64) -> Self {
        let mut random = Random::new(seed, Purpose::Setting);
        let random = &mut random;
        let agents = 3 + random.below(3);
        let node_timeout_ms = *random.pick(&[4_000, 10_000, 10_000]);
        Self {
            seed,
            coordinators: 1 + random.below(3) as usize,
            agents: (0..agents)
                .map(|number| AgentSetting::draw(number, random))
                .collect(),
            jobs: 40 + random.below(13) as u32,
            faulty_ms: 300_000 + random.below(60_000),
            policy: Arc::clone(random.pick(&policy::all())),
            mode: *random.pick(&[Mode::Strict, Mode::Easy, Mode::Greedy]),
            weights: weights(random),
            node_timeout_ms,
            heartbeat_interval_ms: *random.pick(&[500, node_timeout_ms / 8]),
            lease_ms: *random.pick(&[2_000, 3_000]),
            max_open: *random.pick(&[20, 200, 20_000]),
            faults_per_minute: *random.pick(&[0, 4, 10, 10, 20]),
            operations: *random.pick(&[0, 10, 24]),
            quarantine: Quarantine {
                losses: *random.pick(&[1, 2, 3]),
                ..Quarantine::default()
            },
            age_cap_ms: *random.pick(&[SHORT_AGE_CAP_MS, DAY_MS, DAY_MS]),
            switches: *random.pick(&[0, 8, 30]),
            planted: None,
            trace: false,
            record: false,
        }
    }
}

impl Setting {
    /// Whether the priority of jobs decides in which order their tasks start, unless they are escalated.
    pub(super) fn priority_orders(&self) -> bool {
        self.policy.name() == "priority" && self.switches == 0 && self.age_cap_ms > SHORT_AGE_CAP_MS
    }
}

/// Mostly those of production.
fn weights(random: &mut Random) -> Weights {
    if random.chance(700) {
        return Weights::default();
    }
    Weights(Term::ALL.map(|_| random.below(1_000) as u16))
}
