//! What agents run: processes that take time, fail, hang and ignore signals.

use drover_model::{
    Assignment, AttemptKey, OnDisconnect, Outcome, Resources, Timestamp,
    session::{End, Input},
};

use super::{AgentHappening, Death};
use crate::faults::{
    check::step_of,
    workload::Behaviour,
    world::{World, moment::Moment},
};

/// One that runs.
#[derive(Clone, Debug)]
pub struct Process {
    pub behaviour: Behaviour,
    pub on_disconnect: OnDisconnect,
    started_at: Timestamp,
    asked_to_stop: bool,
    /// When SIGKILL is due.
    kill_at: Option<Moment>,
}

impl World<'_> {
    pub(super) fn start_process(&mut self, a: usize, assignment: &Assignment) {
        let Assignment {
            key, on_disconnect, ..
        } = *assignment;
        let (number, step) = read_payload(&assignment.payload);
        let behaviour =
            self.workload
                .behaviour(number, step, key.job.0.as_u128() as u64, key.attempt);
        let started_at = self.agent_clock(a);
        self.trace
            .mix(u64::from(key.attempt) << 32 | u64::from(key.task));
        self.checker
            .told_to_start(a, assignment, step, &self.database);
        if !behaviour.starts {
            self.checker.process_ended(a, key, Outcome::Failed, None);
            let end = end(started_at, started_at, &behaviour, Outcome::Failed);
            return self.step_session(a, Input::Ended { key, end });
        }
        let spec = &self.workload.jobs[number as usize].spec;
        let none = Resources::ZERO;
        let resources = step_of(spec, step).map_or(&none, |step| &step.resources);
        self.checker.process_runs(a, key, on_disconnect, resources);
        self.trace.tell(
            self.now,
            format_args!("agent {a} runs {key:?}: {behaviour:?}"),
        );
        let process = Process {
            behaviour,
            on_disconnect,
            started_at,
            asked_to_stop: false,
            kill_at: None,
        };
        self.agents[a].processes.insert(key, process);
        if let Some(run_ms) = behaviour.run_ms {
            let how = Death::ByItself;
            let at = self.now.plus_ms(run_ms);
            self.plan_for_agent(a, at, AgentHappening::ProcessEnds { key, how });
        }
        let at = started_at;
        self.step_session(a, Input::Started { key, at });
    }

    /// SIGTERM now, SIGKILL after the grace period. Asking again only shortens it.
    pub(super) fn stop_process(&mut self, a: usize, key: AttemptKey, grace_ms: u64) {
        let kill_at = self.now.plus_ms(grace_ms);
        let now = self.now;
        let Some(process) = self.agents[a].processes.get_mut(&key) else {
            return;
        };
        let first = !std::mem::replace(&mut process.asked_to_stop, true);
        let asked_at = now.plus_ms(process.behaviour.term_ms);
        let sooner = process.kill_at.is_none_or(|planned| kill_at < planned);
        if sooner {
            process.kill_at = Some(kill_at);
        }
        if first {
            let how = Death::Asked;
            self.plan_for_agent(a, asked_at, AgentHappening::ProcessEnds { key, how });
        }
        if sooner {
            let how = Death::Killed;
            self.plan_for_agent(a, kill_at, AgentHappening::ProcessEnds { key, how });
        }
    }

    /// A planted mistake.
    pub(super) fn kill_late(&mut self, a: usize, key: AttemptKey) {
        if let Some(process) = self.agents[a].processes.get_mut(&key) {
            process.asked_to_stop = true;
        }
        self.stop_process(a, key, 20_000);
    }

    pub(super) fn process_ends(&mut self, a: usize, key: AttemptKey, how: Death) {
        let now = self.now;
        let paused = self.agents[a].paused;
        let Some(process) = self.agents[a].processes.get(&key) else {
            return;
        };
        if how == Death::Killed && (paused || process.kill_at != Some(now)) {
            // A stopped agent kills nobody; it does when it goes on.
            if paused && process.kill_at == Some(now) {
                self.kill_when_resumed(a, key);
            }
            return;
        }
        let process = process.clone();
        let behaviour = &process.behaviour;
        let outcome = match how {
            Death::ByItself => behaviour.outcome,
            Death::Asked => behaviour.when_stopped,
            Death::Killed => Outcome::Stopped,
        };
        self.agents[a].processes.remove(&key);
        let exit_code = exit_code(behaviour, outcome);
        self.checker.process_ended(a, key, outcome, exit_code);
        let end = end(process.started_at, self.agent_clock(a), behaviour, outcome);
        if paused {
            self.tell_when_resumed(a, key, end);
            return;
        }
        self.step_session(a, Input::Ended { key, end });
        self.flush(a);
    }

    fn kill_when_resumed(&mut self, a: usize, key: AttemptKey) {
        if let Some(process) = self.agents[a].processes.get_mut(&key) {
            process.kill_at = None;
        }
        self.agents[a].late.push((key, None));
    }

    fn tell_when_resumed(&mut self, a: usize, key: AttemptKey, end: End) {
        self.agents[a].late.push((key, Some(end)));
    }

    /// What the agent had to do, or would have heard, while it was stopped.
    pub(super) fn catch_up(&mut self, a: usize) {
        for (key, end) in std::mem::take(&mut self.agents[a].late) {
            match end {
                Some(end) => self.step_session(a, Input::Ended { key, end }),
                None => self.stop_process(a, key, 0),
            }
        }
        self.flush(a);
    }
}

fn exit_code(behaviour: &Behaviour, outcome: Outcome) -> Option<i32> {
    match outcome {
        Outcome::Succeeded => Some(0),
        Outcome::Failed => behaviour.exit_code,
        _ => None,
    }
}

fn end(started_at: Timestamp, ended_at: Timestamp, behaviour: &Behaviour, outcome: Outcome) -> End {
    End {
        started_at,
        ended_at,
        outcome,
        exit_code: exit_code(behaviour, outcome),
        message: None,
    }
}

/// Number of the job and place of the step, as the workload wrote them.
pub(crate) fn read_payload(payload: &[u8]) -> (u32, u32) {
    let number = payload
        .first_chunk()
        .map_or(0, |bytes| u32::from_be_bytes(*bytes));
    let step = payload
        .last_chunk()
        .map_or(0, |bytes| u32::from_be_bytes(*bytes));
    (number, step)
}
