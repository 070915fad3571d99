//! People: they submit, stop, ask and replay, over a network that loses their calls and answers, and try again until
//! they know.

mod replay;

use drover_model::{Cancellation, JobId, JobState, NewJob, Question, Refusal, Submitted};

use super::{Happening, World, coordinator::CoordinatorHappening, moment::Moment};
use crate::{
    faults::FaultKind,
    random::{Purpose, Random},
    setting::Setting,
    workload::Workload,
};
pub use replay::StoredDeath;

/// A client gives a call up after this long and tries again.
const CALL_TIMEOUT_MS: u64 = 4_000;
const LOOK_FOR_DEATH_MS: u64 = 5_000;

#[derive(Debug)]
pub enum ClientHappening {
    /// The call is made, or made again.
    Calls {
        call: usize,
    },
    TimesOut {
        call: usize,
        tries: u32,
    },
    Hears {
        call: usize,
        heard: Heard,
    },
    /// Somebody looks whether a job is dead, to replay it.
    LooksForDeath {
        job: JobId,
        from_failed: bool,
    },
}

#[derive(Clone, Debug)]
pub enum CallKind {
    Submit { numbers: Vec<u32> },
    Cancel { job: JobId, how: Cancellation },
    Replay { job: JobId, from_failed: bool },
    SetQueue,
    Ask(Question),
}

/// What a client hears.
#[derive(Clone, Debug)]
pub enum Heard {
    Submitted(Vec<Submitted>),
    Done,
    Refused(Refusal),
    /// Nobody leads there; perhaps it is known who does.
    Unavailable {
        leader: Option<usize>,
    },
    Internal,
}

#[derive(Debug)]
pub struct Call {
    pub kind: CallKind,
    /// The border's job of a replay.
    pub replays: Option<Box<NewJob>>,
    tries: u32,
    target: usize,
    made_at: Moment,
    done: bool,
    /// Coordinators that hold an unanswered copy, with their lives.
    asked: Vec<(usize, u64)>,
}

#[derive(Debug)]
pub struct Clients {
    pub calls: Vec<Call>,
    random: Random,
    leader: usize,
    waiting_for_death: u32,
    /// Arrival of the last call, to see reordering.
    last_made: Moment,
}

impl Clients {
    pub fn of(setting: &Setting, workload: &Workload) -> Self {
        let mut clients = Self {
            calls: Vec::new(),
            random: Random::new(setting.seed, Purpose::Clients),
            leader: 0,
            waiting_for_death: 0,
            last_made: Moment::default(),
        };
        let mut number = 0;
        while number < workload.jobs.len() {
            let mut numbers = vec![number as u32];
            number += 1;
            while workload
                .jobs
                .get(number)
                .is_some_and(|job| job.with_previous)
            {
                numbers.push(number as u32);
                number += 1;
            }
            clients.add(CallKind::Submit { numbers });
        }
        clients
    }

    fn add(&mut self, kind: CallKind) -> usize {
        self.calls.push(Call {
            kind,
            replays: None,
            tries: 0,
            target: 0,
            made_at: Moment::default(),
            done: false,
            asked: Vec::new(),
        });
        self.calls.len() - 1
    }

    pub fn are_done(&self) -> bool {
        self.waiting_for_death == 0 && self.calls.iter().all(|call| call.done)
    }
}

impl World<'_> {
    pub(super) fn plan_clients(&mut self) {
        for call in 0..self.clients.calls.len() {
            let CallKind::Submit { numbers } = &self.clients.calls[call].kind else {
                continue;
            };
            let at_ms = self.workload.jobs[numbers[0] as usize].submit_at_ms;
            self.plan_call(call, Moment::default().plus_ms(at_ms));
        }
        for number in 0..12 {
            let kind = match number % 4 {
                0 => CallKind::SetQueue,
                1 => CallKind::Ask(Question::Nodes),
                2 => CallKind::Ask(Question::Policy),
                _ => CallKind::Ask(Question::Status),
            };
            let call = self.clients.add(kind);
            let at_ms = self.clients.random.below(self.setting.faulty_ms);
            self.plan_call(call, Moment::default().plus_ms(at_ms));
        }
    }

    fn plan_call(&mut self, call: usize, at: Moment) {
        self.line
            .plan(at, Happening::Client(ClientHappening::Calls { call }));
    }

    pub(super) fn client_happens(&mut self, what: ClientHappening) {
        match what {
            ClientHappening::Calls { call } => self.make_call(call),
            ClientHappening::TimesOut { call, tries } => {
                let waiting = &self.clients.calls[call];
                if !waiting.done && waiting.tries == tries {
                    self.clients.leader += 1;
                    self.try_again(call);
                }
            }
            ClientHappening::Hears { call, heard } => self.client_hears(call, heard),
            ClientHappening::LooksForDeath { job, from_failed } => {
                self.look_for_death(job, from_failed);
            }
        }
    }

    fn make_call(&mut self, call: usize) {
        if self.clients.calls[call].done {
            return;
        }
        let target = self.clients.leader % self.coordinators.len();
        let making = &mut self.clients.calls[call];
        making.tries += 1;
        making.target = target;
        making.made_at = self.now;
        let tries = making.tries;
        let copies = if self.is_safe_to_repeat(call) && self.faults.duplicates_call() {
            self.statistics.count(FaultKind::CallDuplicated);
            2
        } else {
            1
        };
        for _ in 0..copies {
            if self.faults.loses_call() {
                self.statistics.count(FaultKind::CallLost);
                continue;
            }
            let at = self.now.plus_us(self.faults.call_latency_us());
            if !self.coordinators[target].is_up() {
                let heard = Heard::Unavailable { leader: None };
                let what = ClientHappening::Hears { call, heard };
                self.line.plan(at, Happening::Client(what));
                continue;
            }
            self.plan_for_coordinator(target, at, CoordinatorHappening::Called { call });
            let life = self.coordinators[target].life;
            self.clients.calls[call].asked.push((target, life));
        }
        let timeout = ClientHappening::TimesOut { call, tries };
        let at = self.now.plus_ms(CALL_TIMEOUT_MS);
        self.line.plan(at, Happening::Client(timeout));
    }

    fn is_safe_to_repeat(&self, call: usize) -> bool {
        match &self.clients.calls[call].kind {
            CallKind::Submit { numbers } => numbers
                .iter()
                .all(|number| self.workload.jobs[*number as usize].with_request_id),
            _ => true,
        }
    }

    /// For counting calls that overtake others.
    pub(super) fn note_call_arrival(&mut self, call: usize) {
        let made_at = self.clients.calls[call].made_at;
        if made_at < self.clients.last_made {
            self.statistics.count(FaultKind::CallReordered);
        }
        self.clients.last_made = self.clients.last_made.max(made_at);
    }

    pub(super) fn answer_call(&mut self, c: usize, call: usize, heard: Heard) {
        let life = self.coordinators[c].life;
        let asked = &mut self.clients.calls[call].asked;
        if let Some(place) = asked.iter().position(|asked| *asked == (c, life)) {
            asked.swap_remove(place);
        }
        if self.faults.loses_call() {
            self.statistics.count(FaultKind::CallLost);
            return;
        }
        let at = self.now.plus_us(self.faults.call_latency_us());
        let what = ClientHappening::Hears { call, heard };
        self.line.plan(at, Happening::Client(what));
    }

    pub(super) fn refuse_call(&mut self, c: usize, call: usize) {
        let leader = self.coordinators[c].leader_hint();
        self.answer_call(c, call, Heard::Unavailable { leader });
    }

    /// The process that was asked is gone, and the kernel resets its connections.
    pub(super) fn fail_calls_of(&mut self, c: usize) {
        let gone = self.coordinators[c].life - 1;
        for call in 0..self.clients.calls.len() {
            let asked = &mut self.clients.calls[call].asked;
            let before = asked.len();
            asked.retain(|asked| *asked != (c, gone));
            if asked.len() < before {
                let at = self.now.plus_us(self.faults.call_latency_us());
                let heard = Heard::Unavailable { leader: None };
                let what = ClientHappening::Hears { call, heard };
                self.line.plan(at, Happening::Client(what));
            }
        }
    }

    fn client_hears(&mut self, call: usize, heard: Heard) {
        if self.clients.calls[call].done {
            return;
        }
        self.trace.mix(call as u64);
        let words = format_args!("call {call} hears {heard:?}");
        self.trace.tell(self.now, words);
        match heard {
            Heard::Unavailable { leader } => {
                self.clients.leader = leader.unwrap_or(self.clients.leader + 1);
                self.try_again(call);
            }
            Heard::Refused(Refusal::LookupStale) => self.try_again(call),
            Heard::Submitted(submitted) => {
                self.clients.calls[call].done = true;
                self.follow_up(call, &submitted);
            }
            Heard::Done | Heard::Refused(_) | Heard::Internal => {
                self.clients.calls[call].done = true;
            }
        }
    }

    fn try_again(&mut self, call: usize) {
        if !self.is_safe_to_repeat(call) {
            // Whether it had an effect is not known, and repeating could have it twice.
            self.clients.calls[call].done = true;
            return;
        }
        // So that an answer that comes late does not lead to two repetitions.
        self.clients.calls[call].tries += 1;
        let pause_ms = self.clients.random.between(50, 1_000);
        self.plan_call(call, self.now.plus_ms(pause_ms));
    }

    /// What people do with a job that they know to be accepted.
    fn follow_up(&mut self, call: usize, submitted: &[Submitted]) {
        let CallKind::Submit { numbers } = &self.clients.calls[call].kind else {
            return;
        };
        let numbers = numbers.clone();
        let workload = std::sync::Arc::clone(&self.workload);
        for Submitted { job, .. } in submitted {
            let Some(stored) = self.database.jobs.get(job) else {
                continue;
            };
            if !numbers.contains(&stored.number) {
                continue;
            }
            let planned = &workload.jobs[stored.number as usize];
            for (after_ms, how) in &planned.cancellations {
                let kind = CallKind::Cancel {
                    job: *job,
                    how: *how,
                };
                let call = self.clients.add(kind);
                self.plan_call(call, self.now.plus_ms(*after_ms));
            }
            let ask = self.clients.add(CallKind::Ask(Question::Job(*job)));
            let after_ms = self.clients.random.below(10_000);
            self.plan_call(ask, self.now.plus_ms(after_ms));
            if let Some(from_failed) = planned.replay {
                self.clients.waiting_for_death += 1;
                self.plan_look(*job, from_failed);
            }
        }
    }

    fn plan_look(&mut self, job: JobId, from_failed: bool) {
        let after_ms = LOOK_FOR_DEATH_MS + self.clients.random.below(LOOK_FOR_DEATH_MS);
        let what = ClientHappening::LooksForDeath { job, from_failed };
        self.line
            .plan(self.now.plus_ms(after_ms), Happening::Client(what));
    }

    fn look_for_death(&mut self, job: JobId, from_failed: bool) {
        let state = self.database.jobs[&job].row.state;
        if !state.is_final() {
            return self.plan_look(job, from_failed);
        }
        self.clients.waiting_for_death -= 1;
        // Also what is not dead now and then, which has to be refused.
        if !state.is_dead() && !self.clients.random.chance(100) {
            return;
        }
        let rolled_back = matches!(state, JobState::RolledBack | JobState::RollbackFailed);
        let from_failed = from_failed && !rolled_back;
        for _ in 0..1 + self.clients.random.below(2) {
            let call = self.clients.add(CallKind::Replay { job, from_failed });
            let after_us = self.clients.random.below(50_000);
            self.plan_call(call, self.now.plus_us(after_us));
        }
    }
}
