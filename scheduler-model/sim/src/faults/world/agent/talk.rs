//! What the session hears, what it says, and what it wants done.

use drover_model::{
    Assignment, AttemptKey, Epoch, Outcome, ReportBatch,
    session::{Elapsed, Input, Output, Session, Welcome},
};

use super::AgentHappening;
use crate::faults::{
    inject::PlantedBug,
    world::{
        Happening, World,
        network::{ConnectionId, Packet, Side, ToAgent, ToCoordinator},
    },
};

impl World<'_> {
    pub(in crate::faults::world) fn agent_hears(
        &mut self,
        connection: ConnectionId,
        message: ToAgent,
    ) {
        let end = &self.network.connections[connection];
        let a = end.agent;
        if self.agents[a].life != end.agent_life
            || self.agents[a].link.connection() != Some(connection)
        {
            return;
        }
        if self.agents[a].paused {
            let packet = Packet::Down(message);
            self.agents[a]
                .stash
                .push_back(Happening::Read { connection, packet });
            return;
        }
        let coordinator = end.coordinator;
        self.trace.mix(connection as u64 + 1_000);
        match message {
            ToAgent::Welcome { epoch, discard } => {
                self.agents[a].link.accepted(coordinator, self.now);
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
                        self.start_process(a, &assignment);
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
    fn starts_twice(&self, a: usize, assignment: &Assignment) -> Option<Assignment> {
        let planted = self.setting.planted == Some(PlantedBug::SessionStartsTwice);
        let runs = self.agents[a].processes.contains_key(&assignment.key);
        (planted && runs).then(|| assignment.clone())
    }

    fn welcome(&self, epoch: Epoch, discard: Vec<AttemptKey>) -> Welcome {
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
    pub(super) fn step_session(&mut self, a: usize, input: Input) {
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
            Output::Leaving => self.send_up(a, ToCoordinator::Leaving),
            Output::Start(assignment) => self.start_process(a, &assignment),
            Output::Stop { key, grace_ms } => {
                if self.setting.planted == Some(PlantedBug::SessionKillsLate) {
                    return self.kill_late(a, key);
                }
                self.stop_process(a, key, grace_ms);
            }
            Output::Discard { key } => {
                if self.setting.planted != Some(PlantedBug::SessionIgnoresDiscard) {
                    self.stop_process(a, key, 0);
                }
            }
            Output::Journal(report) => self.agents[a].journal.append(report),
            Output::JournalEmpty => self.agents[a].journal.clear(),
            Output::Close(reason) => {
                self.trace
                    .tell(self.now, format_args!("agent {a} closes: {reason}"));
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
            (Some(PlantedBug::SessionInventsSuccess), Input::Ended { key, end })
                if key.task == 0 && a == 0 =>
            {
                end.outcome = Outcome::Succeeded;
            }
            _ => {}
        }
        Some(input)
    }

    fn note_sent(&mut self, a: usize, batch: &ReportBatch) {
        let first = batch.sequence + 1 - batch.reports.len() as u64;
        for (sequence, report) in (first..).zip(&batch.reports) {
            let before = self.agents[a].sent.insert(sequence, report.clone());
            self.checker
                .same_number_same_report(before.as_ref(), report);
        }
    }

    fn send_up(&mut self, a: usize, message: ToCoordinator) {
        if let Some(connection) = self.agents[a].link.connection() {
            self.send(connection, Packet::Up(message));
        }
    }

    /// Sends what there is to report, unless the socket is behind.
    pub(super) fn flush(&mut self, a: usize) {
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

    pub(super) fn flush_now(&mut self, a: usize) {
        while let Some(batch) = self.agents[a]
            .session
            .as_mut()
            .and_then(Session::take_reports)
        {
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

    pub(super) fn beat(&mut self, a: usize, token: u64) {
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
        if agent
            .lease_planned
            .is_none_or(|planned| at < planned || planned <= self.now)
        {
            self.agents[a].lease_planned = Some(at);
            self.plan_for_agent(a, at, AgentHappening::LeaseEnds);
        }
    }

    pub(super) fn lease_ends(&mut self, a: usize) {
        self.agents[a].lease_planned = None;
        let now = self.elapsed(a);
        self.step_session(a, Input::LeaseOver { now });
        self.flush(a);
    }
}
