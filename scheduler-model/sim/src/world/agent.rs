//! An agent's process around its session: link, executor, journal, clocks. Mirrors `worker-agent/src/agent.rs`.

mod executor;
mod journal;
mod link;

use std::collections::{BTreeMap, VecDeque};

use drover_model::{
    AttemptKey, NodeName, Report, ReportBatch, Timestamp,
    session::{Elapsed, End, Identity, Input, Options, Output, Session, Welcome},
};

use super::{
    Happening, World,
    moment::Moment,
    network::{ConnectionId, Packet, Side, ToAgent, ToCoordinator},
};
use crate::{
    faults::{FaultKind, PlantedBug},
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
    Dialed { coordinator: usize },
    HeartbeatDue { token: u64 },
    LeaseEnds,
    /// A process ends, or is killed.
    ProcessEnds { key: AttemptKey, how: Death },
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
            capacity: agent.setting.capacity,
            labels: BTreeMap::new(),
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
            .sort_by_key(|stashed| !matches!(stashed, Happening::Arrives { .. }));
        let arrivals = stash.partition_point(|stashed| matches!(stashed, Happening::Arrives { .. }));
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

    pub(super) fn agent_hears(&mut self, connection: usize, message: ToAgent) {
        let end = &self.network.connections[connection];
        let a = end.agent;
        if self.agents[a].life != end.agent_life || self.agents[a].link.connection() != Some(connection) {
            return;
        }
        if self.agents[a].paused {
            let packet = Packet::Down(message);
            self.agents[a]
                .stash
                .push_back(Happening::Arrives { connection, packet });
            return;
        }
        let coordinator = end.coordinator;
        self.trace.mix(connection as u64 + 1_000);
        match message {
            ToAgent::Welcome { epoch, discard } => {
                self.agents[a].link.accepted(coordinator);
                let welcome = self.welcome(epoch, discard);
                self.checker.welcomed(a, &welcome);
                self.step_session(a, Input::Welcome(welcome));
                self.plan_heartbeat(a);
            }
            ToAgent::Ack { sequence } => {
                self.judge_acknowledgement(a, sequence);
                self.step_session(a, Input::Acknowledged { sequence });
            }
            ToAgent::Assign(assignments) => {
                for assignment in assignments {
                    let (now, elapsed) = (self.agent_clock(a), self.elapsed(a));
                    let again = self.starts_twice(a, &assignment);
                    self.step_session(
                        a,
                        Input::Assigned {
                            assignment,
                            now,
                            elapsed,
                        },
                    );
                    if let Some(assignment) = again {
                        self.start_process(a, assignment);
                    }
                }
            }
            ToAgent::Stop(stops) => {
                for (key, grace_ms) in stops {
                    let now = self.agent_clock(a);
                    let grace_ms = u64::from(grace_ms);
                    self.step_session(a, Input::Stop { key, grace_ms, now });
                }
            }
            ToAgent::HeartbeatAck { number } => {
                self.step_session(a, Input::HeartbeatAcknowledged { number });
            }
            ToAgent::Closed { leader } => {
                self.network.connections[connection].agent_open = false;
                self.agents[a].link.closed(leader);
                self.step_session(a, Input::Disconnected);
                self.redial(a);
            }
        }
        self.flush(a);
    }

    /// A planted mistake: what is held already is started once more.
    fn starts_twice(
        &self,
        a: usize,
        assignment: &drover_model::Assignment,
    ) -> Option<drover_model::Assignment> {
        let planted = self.setting.planted == Some(PlantedBug::SessionStartsTwice);
        let runs = self.agents[a].processes.contains_key(&assignment.key);
        (planted && runs).then(|| assignment.clone())
    }

    fn welcome(&self, epoch: drover_model::Epoch, discard: Vec<AttemptKey>) -> Welcome {
        let node_timeout_ms = self.setting.node_timeout_ms as u32;
        Welcome {
            epoch,
            heartbeat_interval_ms: self.setting.heartbeat_interval_ms as u32,
            node_timeout_ms,
            lease_ms: node_timeout_ms / 2,
            fence_grace_ms: node_timeout_ms / 4,
            discard,
        }
    }

    /// What the coordinator says is durable has to stand in the store.
    fn judge_acknowledgement(&mut self, a: usize, sequence: u64) {
        let later = self.agents[a].sent.split_off(&(sequence + 1));
        let acknowledged = std::mem::replace(&mut self.agents[a].sent, later);
        for report in acknowledged.values() {
            self.checker.report_acknowledged(report, &self.database);
        }
    }

    /// Steps the session and performs what follows, until nothing follows.
    fn step_session(&mut self, a: usize, input: Input) {
        let Some(input) = self.corrupt_input(a, input) else {
            return;
        };
        if self.trace.is_in_words() {
            let words = format!("agent {a} steps {input:?}");
            self.trace.tell(self.now, format_args!("{words}"));
        }
        let mut outputs = Vec::new();
        let Some(session) = &mut self.agents[a].session else {
            return;
        };
        session.step(input, &mut outputs);
        self.statistics.session_steps += 1;
        for output in outputs {
            self.perform_output(a, output);
        }
        self.plan_lease(a);
    }

    fn perform_output(&mut self, a: usize, output: Output) {
        match output {
            Output::Join(join) => {
                self.checker.joins(a, &join);
                self.note_sent(a, &join.reports);
                self.send_up(a, ToCoordinator::Join(join));
            }
            Output::Heartbeat { number, .. } => {
                self.send_up(a, ToCoordinator::Heartbeat { number });
            }
            Output::Start(assignment) => self.start_process(a, assignment),
            Output::Stop { key, grace_ms } => self.stop_process(a, key, grace_ms),
            Output::Discard { key } => {
                if self.setting.planted != Some(PlantedBug::SessionIgnoresDiscard) {
                    self.stop_process(a, key, 0);
                }
            }
            Output::Journal(report) => self.agents[a].journal.append(report),
            Output::JournalEmpty => self.agents[a].journal.clear(),
            Output::Close(reason) => {
                self.trace.tell(self.now, format_args!("agent {a} closes: {reason}"));
                if let Some(connection) = self.agents[a].link.connection() {
                    self.close(connection, Side::Agent, None);
                }
                self.agents[a].link.closed(None);
                self.step_session(a, Input::Disconnected);
                self.redial(a);
            }
        }
    }

    /// Mistakes of the session that show in what it does with an input.
    fn corrupt_input(&mut self, a: usize, mut input: Input) -> Option<Input> {
        match (self.setting.planted, &mut input) {
            (Some(PlantedBug::SessionIgnoresLease), Input::LeaseOver { .. }) => return None,
            (Some(PlantedBug::SessionInventsSuccess), Input::Ended { key, end }) => {
                if key.task == 0 && a == 0 {
                    end.outcome = drover_model::Outcome::Succeeded;
                }
            }
            _ => {}
        }
        Some(input)
    }

    fn note_sent(&mut self, a: usize, batch: &ReportBatch) {
        let first = batch.sequence + 1 - batch.reports.len() as u64;
        for (sequence, report) in (first..).zip(&batch.reports) {
            let before = self.agents[a].sent.insert(sequence, report.clone());
            self.checker.same_number_same_report(before.as_ref(), report);
        }
    }

    fn send_up(&mut self, a: usize, message: ToCoordinator) {
        if let Some(connection) = self.agents[a].link.connection() {
            self.send(connection, Packet::Up(message));
        }
    }

    /// Sends what there is to report, unless the socket is behind.
    fn flush(&mut self, a: usize) {
        if self.agents[a].flush_planned {
            return;
        }
        if self.faults.socket_is_behind() {
            self.agents[a].flush_planned = true;
            let after_ms = self.faults.socket_waits_ms();
            self.plan_for_agent(a, self.now.plus_ms(after_ms), AgentHappening::Flush);
            return;
        }
        self.flush_now(a);
    }

    fn flush_now(&mut self, a: usize) {
        while let Some(batch) = self.agents[a].session.as_mut().and_then(Session::take_reports) {
            self.note_sent(a, &batch);
            self.send_up(a, ToCoordinator::Reports(batch));
        }
        self.let_go(a);
    }

    fn plan_heartbeat(&mut self, a: usize) {
        let agent = &mut self.agents[a];
        agent.heartbeats += 1;
        agent.heartbeat_ms = self.setting.heartbeat_interval_ms;
        let token = agent.heartbeats;
        self.plan_for_agent(a, self.now, AgentHappening::HeartbeatDue { token });
    }

    fn beat(&mut self, a: usize, token: u64) {
        if self.agents[a].heartbeats != token || self.agents[a].link.connection().is_none() {
            return;
        }
        let now = self.elapsed(a);
        self.step_session(
            a,
            Input::HeartbeatDue {
                now,
                cpu_permille: 500,
                memory_permille: 500,
            },
        );
        let at = self.now.plus_ms(self.agents[a].heartbeat_ms);
        self.plan_for_agent(a, at, AgentHappening::HeartbeatDue { token });
        self.flush(a);
    }

    fn plan_lease(&mut self, a: usize) {
        let agent = &self.agents[a];
        let end = agent.session.as_ref().and_then(Session::lease_end);
        let Some(Elapsed(end)) = end else {
            return;
        };
        let at = agent.started.plus_ms(end).max(self.now);
        if agent.lease_planned.is_none_or(|planned| at < planned || planned <= self.now) {
            self.agents[a].lease_planned = Some(at);
            self.plan_for_agent(a, at, AgentHappening::LeaseEnds);
        }
    }

    fn lease_ends(&mut self, a: usize) {
        self.agents[a].lease_planned = None;
        let now = self.elapsed(a);
        self.step_session(a, Input::LeaseOver { now });
        self.flush(a);
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
