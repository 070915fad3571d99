//! A coordinator's talk with the database, over a network that loses and delays.

use std::time::Duration;

use drover_model::turn::{CommitOutcome, SealedTurn};

use crate::faults::{
    inject::{CommitFault, CrashPoint, FaultKind},
    world::{
        Happening, World,
        client::StoredDeath,
        coordinator::{CoordinatorHappening, DatabaseAnswer, DatabaseRequest, FailedRequest},
        database::Acquired,
        moment::Moment,
    },
};

impl World<'_> {
    pub(super) fn ask_database(&mut self, c: usize, request: DatabaseRequest) {
        let life = self.coordinators[c].life;
        let ticket = if request.is_of_driver() {
            self.awaited_ticket(c)
        } else {
            self.new_ticket(c)
        };
        let mut latency_us = self.faults.database_latency_us();
        if let DatabaseRequest::Commit { sealed } = &request
            && let Some(fault) = self.faults.take_commit_fault()
        {
            self.statistics.count(fault.kind());
            let turn = sealed.turn.0;
            self.trace.tell(
                self.now,
                format_args!("coordinator {c} turn {turn}: {fault:?}"),
            );
            match fault {
                CommitFault::LostBefore => return self.fail(c, ticket, &request, 5),
                CommitFault::Late { ms } => {
                    // The server is still at it when the connection is given up.
                    self.fail(c, ticket, &request, ms / 2);
                    latency_us = ms * 1_000;
                }
                CommitFault::Slow { ms } => latency_us = ms * 1_000,
                CommitFault::AnswerLost => self.faults.lose_next_answer = true,
                CommitFault::RefusedOnce => self.database.refuse_once = true,
            }
        }
        let at = self.now.plus_us(latency_us);
        self.line.plan(
            at,
            Happening::Database {
                coordinator: c,
                life,
                ticket,
                request,
            },
        );
    }

    fn new_ticket(&mut self, c: usize) -> u64 {
        let coordinator = &mut self.coordinators[c];
        coordinator.tickets += 1;
        coordinator.tickets
    }

    /// What the driver waits for makes it deaf to answers to anything that it waited for before.
    fn awaited_ticket(&mut self, c: usize) -> u64 {
        let ticket = self.new_ticket(c);
        self.coordinators[c].awaited = ticket;
        ticket
    }

    /// A pause that the driver spends waiting.
    pub(super) fn wait_for_store(&mut self, c: usize, pause: Duration) {
        let ticket = self.awaited_ticket(c);
        let answer = DatabaseAnswer::Waited;
        self.plan_for_coordinator(
            c,
            Moment::of(self.now.elapsed() + pause),
            CoordinatorHappening::Answer {
                ticket,
                answer: Box::new(answer),
            },
        );
    }

    fn fail(&mut self, c: usize, ticket: u64, request: &DatabaseRequest, after_ms: u64) {
        let answer = DatabaseAnswer::Failed(request.failed());
        self.plan_for_coordinator(
            c,
            self.now.plus_ms(after_ms),
            CoordinatorHappening::Answer {
                ticket,
                answer: Box::new(answer),
            },
        );
    }

    /// A request has arrived at the database.
    pub(in crate::faults::world) fn database_is_asked(
        &mut self,
        c: usize,
        life: u64,
        ticket: u64,
        request: &DatabaseRequest,
    ) {
        let asker_lives = self.coordinators[c].life == life;
        if self.faults.database_is_down(c) {
            if asker_lives {
                self.fail(c, ticket, request, self.setting.lease_ms / 2);
            }
            return;
        }
        let answer = self.database_does(c, request);
        // A commit may have been the end of its coordinator.
        if self.coordinators[c].life != life {
            return;
        }
        let is_commit = matches!(request, DatabaseRequest::Commit { .. });
        if is_commit && std::mem::take(&mut self.faults.lose_next_answer) {
            return self.fail(c, ticket, request, 5);
        }
        let at = self.now.plus_us(self.faults.database_latency_us());
        self.plan_for_coordinator(
            c,
            at,
            CoordinatorHappening::Answer {
                ticket,
                answer: Box::new(answer),
            },
        );
    }

    fn database_does(&mut self, c: usize, request: &DatabaseRequest) -> DatabaseAnswer {
        let now = self.now;
        match request {
            DatabaseRequest::Acquire { holder } => {
                match self.database.acquire(holder, self.setting.lease_ms, now) {
                    Acquired::Leader(epoch) => {
                        self.checker.epoch_begins(epoch);
                        self.note_takeover(c);
                        DatabaseAnswer::Leader(epoch)
                    }
                    Acquired::HeldFor { ms, holder } => DatabaseAnswer::HeldFor { ms, holder },
                }
            }
            DatabaseRequest::Load { epoch } => {
                let snapshot = self.database.load(*epoch, &self.workload);
                DatabaseAnswer::Loaded(snapshot.map(Box::new))
            }
            DatabaseRequest::Isolate { epoch, poison } => {
                self.isolate(c, *epoch, poison);
                DatabaseAnswer::Isolated
            }
            DatabaseRequest::Commit { sealed } => DatabaseAnswer::Committed(self.write(c, sealed)),
            DatabaseRequest::ReadLease => DatabaseAnswer::Lease {
                epoch: self.database.lease.epoch,
                turn: self.database.lease.turn,
            },
            DatabaseRequest::Resign { epoch } => {
                self.database.resign(*epoch);
                DatabaseAnswer::Resigned
            }
            DatabaseRequest::FindRequests { call, keys } => {
                let (turn, found) = self.database.find_requests(keys);
                DatabaseAnswer::Found {
                    call: *call,
                    turn,
                    found,
                }
            }
            DatabaseRequest::ReadDeath { call, job } => DatabaseAnswer::Death {
                call: *call,
                death: StoredDeath::read(&self.database, *job),
            },
        }
    }

    fn note_takeover(&mut self, c: usize) {
        let others = self.coordinators.iter().enumerate();
        let deposed = others.filter(|(other, _)| *other != c);
        let deposed = deposed.filter(|(_, other)| other.leads().is_some()).count();
        if deposed > 0 {
            self.statistics.count(FaultKind::TwoLeaders);
        }
        if self.coordinators.len() > 1 {
            self.statistics.count(FaultKind::Takeover);
        }
    }

    fn write(&mut self, c: usize, sealed: &SealedTurn) -> CommitOutcome {
        let term_ms = self.setting.lease_ms;
        let committed = self
            .database
            .commit(sealed, term_ms, self.now, &self.workload);
        let (turn, epoch) = (sealed.turn.0, sealed.epoch.0);
        let outcome = committed.outcome;
        self.trace.mix(turn ^ (epoch << 40));
        if !committed.why.is_empty() || self.trace.is_in_words() {
            let (jobs, attempts) = (sealed.jobs.len(), sealed.attempts.len());
            let why = &committed.why;
            self.trace.tell(
                self.now,
                format_args!(
                    "store: epoch {epoch} turn {turn} with {jobs} jobs, {attempts} attempts: {outcome:?} {why}"
                ),
            );
        }
        match outcome {
            CommitOutcome::Done => {
                self.statistics.commits += 1;
                for row in &sealed.attempts {
                    self.trace.mix(row.state as u64);
                    if self.trace.is_in_words() {
                        let (key, state, node) = (row.key, row.state, &row.node);
                        let words = format_args!("store: {key:?} {state} on {node}");
                        self.trace.tell(self.now, words);
                    }
                }
                self.checker.committed(sealed, &self.database);
                if !sealed.attempts.is_empty() || !sealed.jobs.is_empty() {
                    self.crashes_here(c, CrashPoint::AfterCommit);
                }
            }
            CommitOutcome::Fenced => self.statistics.count(FaultKind::CommitFenced),
            CommitOutcome::Surprised => {
                self.checker
                    .fail("old states are as expected", committed.why);
            }
            CommitOutcome::Refused => {
                self.excuse(c, sealed, &committed.why);
                let expected = ["poison", "refused once"];
                if !expected.iter().any(|why| committed.why.starts_with(why)) {
                    self.checker
                        .fail("nothing sent breaks a constraint", committed.why);
                }
            }
            CommitOutcome::Unknown => unreachable!("the database knows"),
        }
        outcome
    }

    pub(super) fn database_answers(&mut self, c: usize, ticket: u64, answer: DatabaseAnswer) {
        match answer {
            DatabaseAnswer::Found { call, turn, found } => {
                return self.looked_up(c, call, turn, &found);
            }
            DatabaseAnswer::Death { call, death } => return self.read_death(c, call, death),
            DatabaseAnswer::Failed(FailedRequest::Call(call)) => return self.refuse_call(c, call),
            // Nobody waits for that.
            DatabaseAnswer::Resigned | DatabaseAnswer::Failed(FailedRequest::Resign) => return,
            _ => {}
        }
        if self.coordinators[c].awaited != ticket {
            return;
        }
        self.coordinators[c].awaited = 0;
        let answer = self.as_it_arrives(c, answer);
        match answer {
            DatabaseAnswer::Committed(_)
            | DatabaseAnswer::Lease { .. }
            | DatabaseAnswer::Waited
            | DatabaseAnswer::Failed(FailedRequest::Lease) => {
                self.coordinators[c].landed = Some(answer);
                self.run_driver(c);
            }
            _ => self.taking_over(c, answer),
        }
    }

    /// A connection that broke before the answer was through has none.
    fn as_it_arrives(&self, c: usize, answer: DatabaseAnswer) -> DatabaseAnswer {
        let down = self.faults.database_is_down(c);
        match answer {
            DatabaseAnswer::Waited => answer,
            DatabaseAnswer::Failed(FailedRequest::Commit) => {
                DatabaseAnswer::Committed(CommitOutcome::Unknown)
            }
            DatabaseAnswer::Committed(_) if down => {
                DatabaseAnswer::Committed(CommitOutcome::Unknown)
            }
            DatabaseAnswer::Lease { .. } if down => DatabaseAnswer::Failed(FailedRequest::Lease),
            DatabaseAnswer::Failed(_) => answer,
            _ if down => DatabaseAnswer::Failed(FailedRequest::TakingOver),
            answer => answer,
        }
    }
}
