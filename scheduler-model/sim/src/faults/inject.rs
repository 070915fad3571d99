//! What goes wrong, and when. Drawn from streams of their own, so that another fault changes no job.

mod kinds;
mod plan;
mod planted;

pub use kinds::{CommitFault, CrashPoint, FaultKind};
pub use plan::Fault;
use plan::LONGEST_COMMIT_MS;
pub use planted::{Machine, PlantedBug};

use crate::{
    faults::{setting::Setting, world::moment::Moment},
    random::{Purpose, Random},
};

/// How unreliable everything is, until all is healed.
#[derive(Debug)]
pub struct Faults {
    network: Random,
    store: Random,
    agents: Random,
    /// Some seeds are calm in one way, to let the others come into their own.
    duplicates_permille: u64,
    calls_lost_permille: u64,
    sockets_behind_permille: u64,
    slow_agents_permille: u64,
    /// Waits for the moment at which a coordinator crashes, with how long it is down then.
    crash: Option<(CrashPoint, u64)>,
    commit_faults: Vec<CommitFault>,
    pub lose_next_answer: bool,
    /// The database is not there until then.
    database_down_until: Moment,
    /// By coordinator: until when it does not reach the database.
    cut_off: Vec<Moment>,
    now: Moment,
    /// Consequences of what went wrong may show until then.
    disturbed_until: Moment,
    healed: bool,
}

/// How long it takes until everything is as usual when something is over.
const AFTERMATH_MS: u64 = 5_000;

impl Faults {
    pub fn of(setting: &Setting) -> Self {
        let mut random = Random::new(setting.seed, Purpose::Faults);
        let calm = setting.faults_per_minute == 0;
        let mut draw = |choices: &[u64]| if calm { 0 } else { *random.pick(choices) };
        Self {
            network: Random::new(setting.seed, Purpose::Network),
            store: Random::new(setting.seed, Purpose::Store),
            agents: Random::new(setting.seed, Purpose::Agents),
            duplicates_permille: draw(&[0, 20, 100]),
            calls_lost_permille: draw(&[0, 20, 100]),
            sockets_behind_permille: draw(&[0, 200, 500]),
            slow_agents_permille: draw(&[0, 0, 3]),
            crash: None,
            commit_faults: Vec::new(),
            lose_next_answer: false,
            database_down_until: Moment::default(),
            cut_off: vec![Moment::default(); setting.coordinators],
            now: Moment::default(),
            disturbed_until: Moment::default(),
            healed: false,
        }
    }

    /// From here on everything works.
    pub fn heal(&mut self) {
        self.duplicates_permille = 0;
        self.calls_lost_permille = 0;
        self.sockets_behind_permille = 0;
        self.slow_agents_permille = 0;
        self.crash = None;
        self.commit_faults.clear();
        self.lose_next_answer = false;
        self.database_down_until = Moment::default();
        self.cut_off.fill(Moment::default());
        self.healed = true;
    }

    pub fn is_healed(&self) -> bool {
        self.healed
    }

    /// Something goes wrong, and does so for a while.
    pub fn disturb(&mut self, ms: u64) {
        let until = self.now.plus_ms(ms + AFTERMATH_MS);
        self.disturbed_until = self.disturbed_until.max(until);
    }

    /// Nothing has gone wrong since.
    pub fn calm_since(&self, moment: Moment) -> bool {
        self.disturbed_until <= moment
    }

    /// Time passes.
    pub fn tick(&mut self, now: Moment) {
        self.now = now;
    }

    pub fn arm_crash(&mut self, point: CrashPoint, down_ms: u64) {
        self.crash = Some((point, down_ms));
    }

    /// How long the coordinator is down that crashes now. `None`: none does.
    pub fn take_crash(&mut self, point: CrashPoint) -> Option<u64> {
        let (_, down_ms) = self.crash.filter(|(armed, _)| *armed == point)?;
        self.crash = None;
        self.disturb(down_ms);
        Some(down_ms)
    }

    pub fn arm_commit_fault(&mut self, fault: CommitFault) {
        self.commit_faults.push(fault);
    }

    pub fn take_commit_fault(&mut self) -> Option<CommitFault> {
        let fault = self.commit_faults.pop()?;
        self.disturb(LONGEST_COMMIT_MS);
        Some(fault)
    }

    pub fn database_goes_away(&mut self, until: Moment) {
        self.database_down_until = until;
    }

    pub fn cut_off_from_database(&mut self, coordinator: usize, until: Moment) {
        self.cut_off[coordinator] = until;
    }

    pub fn database_is_down(&self, coordinator: usize) -> bool {
        self.now < self.database_down_until || self.now < self.cut_off[coordinator]
    }

    pub fn duplicates_message(&mut self) -> bool {
        self.network.chance(self.duplicates_permille)
    }

    pub fn duplicates_call(&mut self) -> bool {
        self.network.chance(self.duplicates_permille)
    }

    pub fn loses_call(&mut self) -> bool {
        self.network.chance(self.calls_lost_permille)
    }

    /// Of one message.
    pub fn latency_us(&mut self, storm: bool) -> u64 {
        let usual = self.network.between(100, 3_000);
        if storm {
            usual + self.network.below(2_000_000)
        } else {
            usual
        }
    }

    /// Calls take ways of their own.
    pub fn call_latency_us(&mut self) -> u64 {
        if self.network.chance(50) && !self.healed {
            self.network.between(1_000, 5_000_000)
        } else {
            self.network.between(200, 20_000)
        }
    }

    pub fn database_latency_us(&mut self) -> u64 {
        self.store.spread(150, 6_000)
    }

    /// A side finds out at once, or by keepalive.
    pub fn notices_cut_after_ms(&mut self) -> u64 {
        if self.network.chance(700) {
            self.network.below(50)
        } else {
            self.network.below(20_000)
        }
    }

    /// A host that loses power says no goodbye.
    pub fn dies_silently(&mut self) -> bool {
        !self.healed && self.network.chance(250)
    }

    pub fn backoff_ms(&mut self, limit: u64) -> u64 {
        self.agents.below(limit + 1)
    }

    pub fn socket_is_behind(&mut self) -> bool {
        self.agents.chance(self.sockets_behind_permille)
    }

    pub fn socket_waits_ms(&mut self) -> u64 {
        self.agents.spread(1, 500)
    }

    pub fn agent_does_not_keep_up(&mut self) -> bool {
        self.agents.chance(self.slow_agents_permille)
    }

    pub fn restarts_after_ms(&mut self) -> u64 {
        self.agents.spread(50, 10_000)
    }
}
