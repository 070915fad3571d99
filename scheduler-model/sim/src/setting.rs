//! The size and the limits of one simulated cluster.

use std::sync::Arc;

use drover_model::{
    Resources,
    cluster::Quarantine,
    dispatch::Mode,
    policy::{self, Policy},
};

use crate::{
    faults::PlantedBug,
    random::{Purpose, Random},
};

/// What a seed stands for. Everything else is drawn from the seed's streams.
#[derive(Clone, Debug)]
pub struct Setting {
    pub seed: u64,
    pub coordinators: usize,
    pub agents: Vec<AgentSetting>,
    pub jobs: u32,
    /// How long jobs arrive and faults happen. Then everything is healed, and every job has to end.
    pub faulty_ms: u64,
    pub policy: &'static dyn Policy,
    pub mode: Mode,
    pub node_timeout_ms: u64,
    pub heartbeat_interval_ms: u64,
    /// Of the coordinators' lease.
    pub lease_ms: u64,
    /// Rows and actions that the open turn may gather while a commit is in flight.
    pub max_open: usize,
    pub quarantine: Quarantine,
    /// Faults in each simulated minute.
    pub faults_per_minute: u64,
    /// A mistake that the checkers have to find.
    pub planted: Option<PlantedBug>,
    /// Keeps a history in words.
    pub trace: bool,
    /// Writes down what each coordinator steps, as `--record` does.
    pub record: bool,
}

#[derive(Clone, Debug)]
pub struct AgentSetting {
    pub name: Arc<str>,
    pub capacity: Resources,
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
            agents: (0..agents).map(|number| agent(number, random)).collect(),
            jobs: 50 + random.below(15) as u32,
            faulty_ms: 300_000 + random.below(60_000),
            policy: *random.pick(&policy::ALL),
            mode: *random.pick(&[Mode::Strict, Mode::Easy, Mode::Greedy]),
            node_timeout_ms,
            heartbeat_interval_ms: *random.pick(&[500, node_timeout_ms / 8]),
            lease_ms: *random.pick(&[2_000, 3_000]),
            max_open: *random.pick(&[20, 200, 20_000]),
            faults_per_minute: *random.pick(&[0, 4, 10, 10, 20]),
            quarantine: Quarantine {
                losses: *random.pick(&[1, 2, 3]),
                ..Quarantine::default()
            },
            planted: None,
            trace: false,
            record: false,
        }
    }
}

/// The first can hold everything that is possible at all.
fn agent(number: u64, random: &mut Random) -> AgentSetting {
    let cores = if number == 0 { 8 } else { 2 + random.below(7) };
    AgentSetting {
        name: format!("node-{number}").into(),
        capacity: Resources {
            cpu_millis: cores * 1_000,
            memory_bytes: cores << 30,
            gpus: u32::from(number == 0),
            disk_bytes: 0,
        },
    }
}
