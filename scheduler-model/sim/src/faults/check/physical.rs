//! What processes do, as seen by somebody who stands beside the hosts.

use drover_model::{Assignment, AttemptKey, OnDisconnect, Outcome, Resources};

use super::{Checker, tally::Tally};
use crate::faults::world::database::Database;

/// What became of one attempt in reality.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Truth {
    agent: usize,
    /// Of what must not outlive its agent's lease.
    leased: Tally,
    pub(super) runs: bool,
    pub(super) ended: Option<(Outcome, Option<i32>)>,
}

impl Truth {
    pub(super) fn runs_on(&self, agent: usize) -> bool {
        self.runs && self.agent == agent
    }
}

impl Checker {
    /// An agent was told to start it, and does.
    pub fn told_to_start(
        &mut self,
        agent: usize,
        assignment: &Assignment,
        step: u32,
        database: &Database,
    ) {
        let key = assignment.key;
        self.instance_told(key, assignment.instance.as_ref(), database);
        let row = database.attempts.get(&key);
        self.require(
            row.is_some(),
            "nothing is done before it is durable",
            || format!("agent {agent} starts {key:?}, which is not stored"),
        );
        let meant = row.is_none_or(|row| row.node == self.agents[agent]);
        self.require(meant, "agents run what was asked for", || {
            format!("agent {agent} starts {row:?}")
        });
        self.require(step == key.task, "agents run what was asked for", || {
            format!("{key:?} runs step {step}")
        });
        let twice = self.truth.contains_key(&key);
        self.require(!twice, "an attempt starts once", || format!("{key:?}"));
    }

    pub fn process_runs(
        &mut self,
        agent: usize,
        key: AttemptKey,
        on_disconnect: OnDisconnect,
        resources: &Resources,
    ) {
        let resources = Tally::of(resources);
        let stop = on_disconnect == OnDisconnect::Stop;
        if stop {
            self.runs_alone(key);
            self.has_room(agent, key, resources);
        }
        let truth = Truth {
            agent,
            leased: if stop { resources } else { Tally::default() },
            runs: true,
            ended: None,
        };
        self.truth.insert(key, truth);
    }

    /// An earlier attempt of what must not run twice has ended, unless its agent was itself stopped and could not kill it.
    fn runs_alone(&mut self, key: AttemptKey) {
        let first = AttemptKey { attempt: 0, ..key };
        let other = self
            .truth
            .range(first..key)
            .find(|(_, other)| other.runs && !self.paused.contains_key(&other.agent))
            .map(|(other, truth)| (*other, *truth));
        self.require(other.is_none(), "stop attempts run alone", || {
            format!("{key:?} starts while {other:?}")
        });
    }

    /// What is killed in time leaves room in time.
    fn has_room(&mut self, agent: usize, key: AttemptKey, resources: Tally) {
        let mut used = resources;
        for truth in self.truth.values().filter(|truth| truth.runs_on(agent)) {
            used.add(&truth.leased);
        }
        let capacity = self.capacities[agent];
        let holds = used.fits(&capacity) || self.paused.contains_key(&agent);
        self.require(holds, "capacity is not exceeded", || {
            format!("{key:?} starts on agent {agent}: {used:?} of {capacity:?} run there")
        });
    }

    pub fn process_ended(
        &mut self,
        agent: usize,
        key: AttemptKey,
        outcome: Outcome,
        exit_code: Option<i32>,
    ) {
        let truth = self.truth.entry(key).or_insert(Truth {
            agent,
            ..Truth::default()
        });
        truth.runs = false;
        truth.ended = Some((outcome, exit_code));
    }

    /// Killed with its agent.
    pub fn process_gone(&mut self, key: AttemptKey) {
        if let Some(truth) = self.truth.get_mut(&key) {
            truth.runs = false;
        }
    }

    pub fn agent_paused(&mut self, agent: usize) {
        self.paused.insert(agent, self.now);
    }

    pub(super) fn still_running(&self) -> Option<AttemptKey> {
        let mut running = self.truth.iter().filter(|(_, truth)| truth.runs);
        running.next().map(|(key, _)| *key)
    }
}
