//! People: they submit, stop, ask and replay, over a network that loses their calls and answers, and try again until
//! they know.

mod calls;
mod follow_up;
mod operate;
pub(super) mod policies;
mod replay;

use drover_model::{
    Cancellation, JobId, NewJob, Question, Refusal, Submitted, policy::PolicySource,
};

use super::{Happening, World, moment::Moment};
use crate::{
    faults::{setting::Setting, workload::Workload},
    random::{Purpose, Random},
};
pub use operate::Operation;
pub use replay::StoredDeath;

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
    Operate(Operation),
    UsePolicy(PolicySource),
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
        self.plan_operators();
        self.plan_switches();
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
            Heard::Done => {
                self.clients.calls[call].done = true;
                if let CallKind::Operate(_) = self.clients.calls[call].kind {
                    self.go_on_operating(call);
                }
            }
            Heard::Refused(_) | Heard::Internal => self.clients.calls[call].done = true,
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
}
