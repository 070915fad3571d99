//! An agent's process around its session: link, executor, journal, clocks. Mirrors `worker-agent/src/agent.rs`.

mod executor;
mod journal;
mod link;
mod talk;

use std::collections::{BTreeMap, VecDeque};

use drover_model::{
    AttemptKey, NodeName, Report, Timestamp,
    session::{Elapsed, End, Identity, Input, Options, Session},
};

use super::{
    Happening, World,
    moment::Moment,
    network::{ConnectionId, Side},
};
use crate::faults::{
    inject::{FaultKind, PlantedBug},
    setting::AgentSetting,
};
pub use executor::Process;
pub use journal::Journal;
pub use link::Link;

/// From SIGTERM to SIGKILL when the agent leaves.
const LEAVE_GRACE_MS: u64 = 5_000;

#[derive(Debug)]
pub enum AgentHappening {
    Start,
    /// Time to dial.
    Dials,
    /// The connection is there, or the address answers nothing.
    Dialed {
        coordinator: usize,
    },
    HeartbeatDue {
        token: u64,
    },
    LeaseEnds,
    /// A process ends, or is killed.
    ProcessEnds {
        key: AttemptKey,
        how: Death,
    },
    /// The socket has room again.
    Flush,
    Resume,
}

/// How a process comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    ByItself,
    /// After SIGTERM.
    Asked,
    /// SIGKILL, which the agent sends: not while it is stopped itself.
    Killed,
}

pub struct Agent {
    pub number: usize,
    pub name: NodeName,
    setting: AgentSetting,
    /// Grows with each start of the process, and is its incarnation.
    pub life: u64,
    /// `None`: no process.
    pub session: Option<Session>,
    pub paused: bool,
    stash: VecDeque<Happening>,
    started: Moment,
    pub wall_offset_ms: i64,
    link: Link,
    heartbeats: u64,
    heartbeat_ms: u64,
    lease_planned: Option<Moment>,
    flush_planned: bool,
    leaving: bool,
    /// While it was stopped: processes that ended, and such that it had to kill.
    late: Vec<(AttemptKey, Option<End>)>,
    pub processes: BTreeMap<AttemptKey, Process>,
    pub journal: Journal,
    /// Reports by number, as sent; by which acknowledgements are judged.
    sent: BTreeMap<u64, Report>,
}

impl Agent {
    pub fn new(setting: &AgentSetting) -> Self {
        Self {
            number: 0,
            name: setting.name.clone(),
            setting: setting.clone(),
            life: 0,
            session: None,
            paused: false,
            stash: VecDeque::new(),
            started: Moment::default(),
            wall_offset_ms: 0,
            link: Link::default(),
            heartbeats: 0,
            heartbeat_ms: 1_000,
            lease_planned: None,
            flush_planned: false,
            leaving: false,
            late: Vec::new(),
            processes: BTreeMap::new(),
            journal: Journal::default(),
            sent: BTreeMap::new(),
        }
    }

    /// Runs nothing and has nothing to say.
    pub fn is_idle(&self) -> bool {
        self.processes.is_empty() && self.session.as_ref().is_some_and(Session::is_settled)
    }

    pub(super) fn connection(&self) -> Option<ConnectionId> {
        self.link.connection()
    }

    /// Since when it has been connected to that coordinator.
    pub(super) fn joined(&self, coordinator: usize) -> Option<Moment> {
        self.link.joined(coordinator)
    }

    pub fn is_up(&self) -> bool {
        self.session.is_some()
    }
}

impl World<'_> {
    pub(super) fn start_agent(&mut self, a: usize) {
        let now = self.now;
        let agent = &mut self.agents[a];
        agent.number = a;
        agent.life += 1;
        agent.paused = false;
        agent.stash.clear();
        agent.started = now;
        agent.link = Link::default();
        agent.lease_planned = None;
        agent.flush_planned = false;
        agent.leaving = false;
        agent.late.clear();
        agent.sent.clear();
        let identity = Identity {
            node: agent.name.clone(),
            incarnation: agent.life,
            agent_version: "simulated".into(),
            capacity: agent.setting.capacity.clone(),
            attributes: agent.setting.attributes(agent.life),
        };
        let mut recovered = agent.journal.read();
        self.trace.tell(
            now,
            format_args!("agent {a} starts with {} reports", recovered.len()),
        );
        self.checker.journal_read(a, &recovered);
        if self.setting.planted == Some(PlantedBug::SessionForgetsJournal) {
            recovered.clear();
        }
        let options = Options::default();
        self.agents[a].session = Some(Session::new(identity, options, recovered));
        self.plan_for_agent(a, now.plus_us(1), AgentHappening::Dials);
    }

    pub(super) fn agent_happens(&mut self, a: usize, what: AgentHappening) {
        let physical = matches!(
            what,
            AgentHappening::Resume | AgentHappening::Start | AgentHappening::ProcessEnds { .. }
        );
        if self.agents[a].paused && !physical {
            let life = self.agents[a].life;
            let stashed = Happening::Agent {
                agent: a,
                life,
                what,
            };
            self.agents[a].stash.push_back(stashed);
            return;
        }
        match what {
            AgentHappening::Start => self.start_agent(a),
            AgentHappening::Dials => self.dial(a),
            AgentHappening::Dialed { coordinator } => self.dialed(a, coordinator),
            AgentHappening::HeartbeatDue { token } => self.beat(a, token),
            AgentHappening::LeaseEnds => self.lease_ends(a),
            AgentHappening::ProcessEnds { key, how } => self.process_ends(a, key, how),
            AgentHappening::Flush => {
                self.agents[a].flush_planned = false;
                self.flush_now(a);
            }
            AgentHappening::Resume => self.resume_agent(a),
        }
    }

    fn resume_agent(&mut self, a: usize) {
        self.trace.tell(self.now, format_args!("agent {a} goes on"));
        self.agents[a].paused = false;
        let life = self.agents[a].life;
        let mut stash = std::mem::take(&mut self.agents[a].stash);
        // The loop looks at the link first, then at processes, then at timers.
        stash
            .make_contiguous()
            .sort_by_key(|stashed| !matches!(stashed, Happening::Read { .. }));
        let arrivals = stash.partition_point(|stashed| matches!(stashed, Happening::Read { .. }));
        let timers = stash.split_off(arrivals);
        for stashed in stash {
            self.happen(stashed);
        }
        self.catch_up(a);
        for stashed in timers {
            if self.agents[a].life == life {
                self.happen(stashed);
            }
        }
    }

    /// The process is gone, and the guard kills what it ran.
    pub(super) fn crash_agent(&mut self, a: usize, down_ms: u64, torn: bool) {
        if !self.agents[a].is_up() {
            return;
        }
        self.trace.tell(self.now, format_args!("agent {a} crashes"));
        self.statistics.count(FaultKind::AgentCrash);
        self.end_agent(a, torn);
        let life = self.agents[a].life;
        let at = self.now.plus_ms(down_ms);
        let what = AgentHappening::Start;
        self.line.plan(
            at,
            Happening::Agent {
                agent: a,
                life,
                what,
            },
        );
    }

    fn end_agent(&mut self, a: usize, torn: bool) {
        let life = self.agents[a].life;
        for key in self.agents[a].processes.keys() {
            self.checker.process_gone(*key);
        }
        let agent = &mut self.agents[a];
        agent.processes.clear();
        agent.session = None;
        agent.paused = false;
        agent.stash.clear();
        agent.life += 1;
        if torn && agent.journal.tear() {
            self.statistics.count(FaultKind::JournalTorn);
        }
        self.drop_connections(|end| (end.agent, end.agent_life) == (a, life), Side::Agent);
        // The next start is of this life; the incarnation grows with it.
    }

    fn elapsed(&self, a: usize) -> Elapsed {
        Elapsed(self.now.ms_since(self.agents[a].started))
    }

    fn agent_clock(&self, a: usize) -> Timestamp {
        self.wall(self.agents[a].wall_offset_ms)
    }

    /// SIGTERM: everything is stopped and reported, then it goes, and is started again.
    pub(super) fn agent_leaves(&mut self, a: usize) {
        if !self.agents[a].is_up() || self.agents[a].paused {
            return;
        }
        self.trace.tell(self.now, format_args!("agent {a} leaves"));
        self.agents[a].leaving = true;
        self.step_session(
            a,
            Input::Leave {
                longest_grace_ms: LEAVE_GRACE_MS,
            },
        );
        self.flush(a);
        self.let_go(a);
    }

    fn let_go(&mut self, a: usize) {
        let agent = &self.agents[a];
        if !agent.leaving || !agent.session.as_ref().is_some_and(Session::may_go) {
            return;
        }
        self.trace.tell(self.now, format_args!("agent {a} is gone"));
        self.statistics.count(FaultKind::AgentLeaves);
        self.agents[a].leaving = false;
        self.end_agent(a, false);
        let after_ms = self.faults.restarts_after_ms();
        self.plan_for_agent(a, self.now.plus_ms(after_ms), AgentHappening::Start);
    }
}
