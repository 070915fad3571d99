//! What was said to people and agents, and whether it is true.

use std::collections::BTreeMap;

use drover_model::{
    AttemptRow, AttemptState, Intent, JobId, Join, Report, ReportKind, Submitted, session::Welcome,
};

use super::Checker;
use crate::faults::world::{
    client::{Call, CallKind},
    database::Database,
};

/// What the record says of an attempt whose node was given up.
pub(super) const SILENT: &str = "its node was silent";

const DURABLE: &str = "what is acknowledged is durable";

impl Checker {
    /// A caller is told that its jobs are stored.
    pub fn acknowledged(&mut self, call: &Call, submitted: &[Submitted], database: &Database) {
        for Submitted { job, .. } in submitted {
            let stored = database.jobs.get(job);
            self.require(stored.is_some(), DURABLE, || {
                format!("job {job}, of {:?}", call.kind)
            });
            if let (Some(stored), CallKind::Submit { numbers }) = (stored, &call.kind) {
                let number = stored.number;
                self.require(numbers.contains(&number), "answers fit their calls", || {
                    format!("{:?} got job {job}, number {number}", call.kind)
                });
            }
            if let (Some(stored), CallKind::Replay { job: dead, .. }) = (stored, &call.kind) {
                let of = stored.fixed.replay_of;
                self.require(of == Some(*dead), "answers fit their calls", || {
                    format!("a replay of {dead} got {job}, which replays {of:?}")
                });
            }
            self.acknowledged.insert(*job);
        }
    }

    /// A caller is told that its job will stop.
    pub fn cancel_accepted(&mut self, call: &Call, database: &Database) {
        let CallKind::Cancel { job, .. } = &call.kind else {
            return;
        };
        let row = database.jobs.get(job).map(|stored| &stored.row);
        let stops = row.is_some_and(|row| row.intent != Intent::Run);
        self.require(stops || self.parked.contains(job), DURABLE, || {
            format!("{:?} is accepted, the row is {row:?}", call.kind)
        });
    }

    /// An agent is told that a report is durable.
    pub fn report_acknowledged(&mut self, report: &Report, database: &Database) {
        if !matches!(report.what, ReportKind::Ended { .. }) {
            return;
        }
        let row = database.attempts.get(&report.key);
        let over = row.is_none_or(|row| row.state.is_final());
        self.require(over, DURABLE, || {
            format!("{report:?} is acknowledged, the row is {row:?}")
        });
    }

    pub fn same_number_same_report(&mut self, before: Option<&Report>, report: &Report) {
        let same = before.is_none_or(|before| before == report);
        self.require(same, "reports keep their numbers", || {
            format!("{before:?} was sent, then {report:?}")
        });
    }

    /// An agent accepts a leader.
    pub fn welcomed(&mut self, agent: usize, welcome: &Welcome) {
        let newest = self.epoch;
        self.require(
            welcome.epoch <= newest,
            "epochs come from the store",
            || format!("agent {agent} is welcomed by {:?}", welcome.epoch),
        );
    }

    /// A new incarnation has read the journal of the one before.
    pub fn journal_read(&mut self, agent: usize, journal: &[Report]) {
        self.recovered
            .extend(journal.iter().map(|report| report.key));
        self.journals.insert(agent, journal.to_vec());
    }

    /// Its first join brings what the one before could not say.
    pub fn joins(&mut self, agent: usize, join: &Join) {
        for left in self.journals.remove(&agent).unwrap_or_default() {
            let sent = join
                .reports
                .reports
                .iter()
                .any(|report| report.key == left.key);
            self.require(sent, "the journal is sent", || {
                format!("agent {agent} joins without {left:?}")
            });
        }
    }

    /// A load gives what memory has.
    pub fn same_after_load(
        &mut self,
        loaded: &BTreeMap<JobId, String>,
        memory: &BTreeMap<JobId, String>,
    ) {
        if loaded == memory {
            return;
        }
        let differs = loaded
            .keys()
            .chain(memory.keys())
            .find(|job| loaded.get(job) != memory.get(job));
        let (left, right) = differs.map_or((None, None), |job| (loaded.get(job), memory.get(job)));
        self.fail(
            "a load gives what memory has",
            format!("job {differs:?}\nloaded: {left:?}\nmemory: {right:?}"),
        );
    }

    /// A leader hears from an agent that has joined it.
    pub fn heard(&mut self, agent: usize, coordinator: usize) {
        self.heard.insert((agent, coordinator), self.now);
    }

    /// Nobody is given up for silence who was heard from in time.
    pub(super) fn given_up(&mut self, row: &AttemptRow, coordinator: usize) {
        let message = row.message.as_deref().unwrap_or_default();
        if row.state != AttemptState::Lost || !message.starts_with(SILENT) {
            return;
        }
        let Some(agent) = self.agents.iter().position(|name| *name == row.node) else {
            return;
        };
        let Some(heard) = self.heard.get(&(agent, coordinator)) else {
            return;
        };
        let silent_ms = self.now.ms_since(*heard);
        self.require(
            silent_ms + 1 >= self.node_timeout_ms,
            "who is heard from is not given up",
            || format!("{row:?}, but it was heard from {silent_ms} ms ago"),
        );
    }
}
