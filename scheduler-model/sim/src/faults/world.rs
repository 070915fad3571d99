//! Everything around the three machines: time, network, disks, store, processes and people.
//!
//! One event at a time, in order of virtual time. Whatever is drawn comes from the seed's streams, so that a seed has one
//! history.

pub mod agent;
pub mod client;
pub mod coordinator;
pub mod database;
pub mod moment;
pub mod network;

mod inject;
mod trace;

use std::sync::Arc;

use drover_model::{JobId, Timestamp};

use crate::{
    faults::{
        check::{Checker, Violation},
        inject::{Fault, Faults},
        setting::Setting,
        statistics::Statistics,
        workload::Workload,
    },
    random::{Purpose, Random},
};
use agent::{Agent, AgentHappening};
use client::{ClientHappening, Clients};
use coordinator::{Coordinator, CoordinatorHappening, DatabaseRequest, Drain};
use database::Database;
use moment::{Line, Moment};
use network::{ConnectionId, Network, Packet, Side};
pub use trace::Trace;

/// The wall clock when the world begins: 2026-01-01.
const BEGINNING_MS: i64 = 1_767_225_600_000;

/// How long healed jobs may take to end, at most.
const PATIENCE_MS: u64 = 1_800_000;

/// Something that is going to happen.
#[derive(Debug)]
pub enum Happening {
    Arrives {
        connection: ConnectionId,
        packet: Packet,
    },
    /// A process that was stopped reads what has arrived meanwhile.
    Read {
        connection: ConnectionId,
        packet: Packet,
    },
    Breaks {
        connection: ConnectionId,
        side: Side,
    },
    KeepaliveOver {
        connection: ConnectionId,
        side: Side,
    },
    Released {
        connection: ConnectionId,
        side: Side,
    },
    Coordinator {
        coordinator: usize,
        life: u64,
        what: CoordinatorHappening,
    },
    Agent {
        agent: usize,
        life: u64,
        what: AgentHappening,
    },
    /// A request arrives at the database.
    Database {
        coordinator: usize,
        life: u64,
        ticket: u64,
        request: DatabaseRequest,
    },
    Client(ClientHappening),
    /// A drained node had to be empty by now.
    Drained(Drain),
    Fault(Fault),
    /// Faults are over: everything is mended.
    Heal,
    /// Somebody looks whether all is done.
    Look,
}

/// One simulated cluster with everything around it.
pub struct World<'a> {
    pub setting: &'a Setting,
    pub now: Moment,
    line: Line<Happening>,
    pub workload: Arc<Workload>,
    pub database: Database,
    pub network: Network,
    pub coordinators: Vec<Coordinator>,
    pub agents: Vec<Agent>,
    pub clients: Clients,
    pub faults: Faults,
    pub checker: Checker,
    pub statistics: Statistics,
    pub trace: Trace,
    /// By coordinator: what it has stepped, if that is recorded.
    pub records: Vec<Vec<u8>>,
    /// For choices of when to look closely.
    checks: Random,
    healed_at: Option<Moment>,
    jobs_made: u64,
    settled: bool,
}

impl<'a> World<'a> {
    pub fn new(setting: &'a Setting) -> Self {
        let workload = Arc::new(Workload::of(setting));
        let mut world = Self {
            setting,
            now: Moment::default(),
            line: Line::default(),
            database: Database::new(setting.planted),
            network: Network::default(),
            coordinators: (0..setting.coordinators).map(Coordinator::new).collect(),
            agents: setting.agents.iter().map(Agent::new).collect(),
            clients: Clients::of(setting, &workload),
            faults: Faults::of(setting),
            checker: Checker::new(setting, Arc::clone(&workload)),
            statistics: Statistics::default(),
            trace: Trace::new(setting.trace),
            records: vec![Vec::new(); setting.coordinators],
            checks: Random::new(setting.seed, Purpose::Checks),
            healed_at: None,
            jobs_made: 0,
            settled: false,
            workload,
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        for coordinator in 0..self.coordinators.len() {
            self.start_coordinator(coordinator);
        }
        for agent in 0..self.agents.len() {
            self.start_agent(agent);
        }
        self.plan_clients();
        for (at, fault) in self.faults.plan(self.setting) {
            self.line.plan(at, Happening::Fault(fault));
        }
        let healed = Moment::default().plus_ms(self.setting.faulty_ms);
        self.line.plan(healed, Happening::Heal);
    }

    /// Lets everything happen until all jobs have ended after the faults.
    ///
    /// # Errors
    /// With the first promise that is broken.
    pub fn run(&mut self) -> Result<(), Violation> {
        while !self.settled {
            let (at, what) = self.line.take_next().expect("somebody always looks again");
            assert!(at >= self.now, "time goes on");
            self.now = at;
            self.checker.now = at;
            self.happen(what);
            if let Some(violation) = self.checker.violation.take() {
                return Err(violation);
            }
        }
        self.statistics.model_ms = self.now.ms();
        self.check_the_end()
    }

    fn happen(&mut self, what: Happening) {
        self.trace.mix(self.now.0);
        self.faults.tick(self.now);
        match what {
            Happening::Arrives { connection, packet } => self.arrives(connection, packet),
            Happening::Read { connection, packet } => self.deliver(connection, packet),
            Happening::Breaks { connection, side } => self.breaks(connection, side),
            Happening::KeepaliveOver { connection, side } => self.keepalive_over(connection, side),
            Happening::Released { connection, side } => self.released(connection, side),
            Happening::Coordinator {
                coordinator,
                life,
                what,
            } => {
                if self.coordinators[coordinator].life == life {
                    self.coordinator_happens(coordinator, what);
                }
            }
            Happening::Agent { agent, life, what } => {
                if self.agents[agent].life == life {
                    self.agent_happens(agent, what);
                }
            }
            Happening::Database {
                coordinator,
                life,
                ticket,
                request,
            } => self.database_is_asked(coordinator, life, ticket, &request),
            Happening::Client(what) => self.client_happens(what),
            Happening::Drained(drain) => self.drained(drain),
            Happening::Fault(fault) => self.inject(fault),
            Happening::Heal => self.heal(),
            Happening::Look => self.look(),
        }
    }

    fn plan_for_coordinator(&mut self, coordinator: usize, at: Moment, what: CoordinatorHappening) {
        let life = self.coordinators[coordinator].life;
        self.line.plan(
            at,
            Happening::Coordinator {
                coordinator,
                life,
                what,
            },
        );
    }

    fn plan_for_agent(&mut self, agent: usize, at: Moment, what: AgentHappening) {
        let life = self.agents[agent].life;
        self.line.plan(at, Happening::Agent { agent, life, what });
    }

    /// A wall clock that shows the right time, but for its offset.
    fn wall(&self, offset_ms: i64) -> Timestamp {
        Timestamp(BEGINNING_MS + self.now.ms() as i64 + offset_ms)
    }

    /// Ids order by time, as version 7 does.
    fn new_job_id(&mut self) -> JobId {
        self.jobs_made += 1;
        let time = (BEGINNING_MS as u128 + u128::from(self.now.ms())) << 80;
        JobId::from_u128(time | u128::from(self.jobs_made))
    }

    fn look(&mut self) {
        let healed_at = self.healed_at.expect("nobody looks before");
        self.settled = self.database.open.is_empty() && self.is_quiet();
        if self.settled {
            return;
        }
        if self.now.ms_since(healed_at) > PATIENCE_MS {
            let open = self.open_jobs_in_words();
            let promise = match self.database.open.is_empty() {
                true => "no process outlives its job",
                false => "every job ends",
            };
            self.checker
                .fail(promise, format!("long after all faults: {open}"));
            return;
        }
        self.put_nodes_in_order();
        self.line.plan(self.now.plus_ms(1_000), Happening::Look);
    }

    /// Nobody waits for anything any more.
    fn is_quiet(&self) -> bool {
        self.clients.are_done() && self.agents.iter().all(Agent::is_idle)
    }

    fn open_jobs_in_words(&self) -> String {
        let mut words = String::new();
        for id in self.database.open.iter().take(3) {
            let job = &self.database.jobs[id].row;
            words += &format!("\n  job {id} {} intent {}", job.state, job.intent);
            for row in self.database.attempts_of(*id) {
                words += &format!("\n    {:?} {} on {}", row.key, row.state, row.node);
            }
        }
        let idle = self.agents.iter().all(Agent::is_idle);
        let clients = self.clients.are_done();
        let count = self.database.open.len();
        format!("{count} jobs open, agents idle: {idle}, clients done: {clients}{words}")
    }
}
