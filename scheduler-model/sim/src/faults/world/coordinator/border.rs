//! Calls of clients, from their arrival to the driver's inbox: what `coordinator/src/grpc` and `submit.rs` do.

use std::sync::Arc;

use bytes::Bytes;
use drover_model::{
    JobId, JobSpec, NewJob, PolicyEventKind, PolicySwitch, QueueRow, Submitted, TurnNumber,
    lead::Wish,
};

use super::{DatabaseRequest, Phase, Request, panicking};
use crate::faults::world::{
    World,
    client::{CallKind, Heard, StoredDeath},
    database::FoundRequest,
};

/// For jobs without a request id there is nothing that a look-up could have missed.
const NOTHING_TO_MISS: TurnNumber = TurnNumber(u64::MAX);

impl World<'_> {
    pub(super) fn called(&mut self, c: usize, call: usize) {
        if !matches!(self.coordinators[c].phase, Phase::Leading(_)) {
            return self.refuse_call(c, call);
        }
        let wish = match &self.clients.calls[call].kind {
            CallKind::Submit { numbers } => {
                let keys: Vec<_> = numbers
                    .iter()
                    .filter_map(|number| self.request_key(*number))
                    .collect();
                if keys.is_empty() {
                    return self.hand_over(c, call, NOTHING_TO_MISS, &[]);
                }
                return self.ask_database(c, DatabaseRequest::FindRequests { call, keys });
            }
            CallKind::Replay { job, .. } => {
                let job = *job;
                return self.ask_database(c, DatabaseRequest::ReadDeath { call, job });
            }
            CallKind::Cancel { job, how } => Wish::Cancel {
                job: *job,
                how: *how,
                reason: "somebody asked for it".into(),
            },
            CallKind::SetQueue => Wish::SetQueue(QueueRow {
                namespace: "default".into(),
                name: "batch".into(),
                settings: Bytes::from_static(b"settings"),
            }),
            CallKind::Operate(operation) => Wish::ChangeNode {
                node: operation.node.clone(),
                change: operation.change.clone(),
            },
            CallKind::UsePolicy(policy) => Wish::UsePolicy(Box::new(PolicySwitch {
                policy: policy.clone(),
                instead_of: None,
                kind: PolicyEventKind::Use,
                who: "an operator".into(),
                why: Box::default(),
            })),
            CallKind::Ask(question) => Wish::Ask(question.clone()),
        };
        self.put_request(c, Request { wish, call });
    }

    fn put_request(&mut self, c: usize, request: Request) {
        self.coordinators[c].requests.push_back(request);
        self.run_driver(c);
    }

    fn request_key(&self, number: u32) -> Option<(Arc<str>, Arc<str>)> {
        let job = &self.workload.jobs[number as usize];
        let request_id = format!("job-{number}").into();
        job.with_request_id
            .then(|| (Arc::clone(&job.spec.namespace), request_id))
    }

    pub(super) fn looked_up(
        &mut self,
        c: usize,
        call: usize,
        turn: TurnNumber,
        found: &[FoundRequest],
    ) {
        if let Some(replayed) = self.clients.calls[call].replays.clone() {
            return match found.first() {
                Some(found) => self.know_already(c, call, &[found.job]),
                None => self.hand_over_job(c, call, turn, *replayed),
            };
        }
        self.hand_over(c, call, turn, found);
    }

    /// Submits what is not known yet. The answer names only that; clients ask for the rest by repeating.
    fn hand_over(&mut self, c: usize, call: usize, turn: TurnNumber, found: &[FoundRequest]) {
        let CallKind::Submit { numbers } = &self.clients.calls[call].kind else {
            return;
        };
        let mut known = Vec::new();
        let mut jobs = Vec::new();
        for number in numbers.clone() {
            let key = self.request_key(number);
            let same = |found: &&FoundRequest| {
                let names = (Arc::clone(&found.namespace), Arc::clone(&found.request_id));
                key.as_ref() == Some(&names)
            };
            match found.iter().find(same) {
                Some(found) => known.push(found.job),
                None => jobs.push(self.new_job(number)),
            }
        }
        if jobs.is_empty() {
            return self.know_already(c, call, &known);
        }
        let wish = Wish::Submit {
            jobs,
            looked_up: turn,
        };
        self.put_request(c, Request { wish, call });
    }

    fn hand_over_job(&mut self, c: usize, call: usize, turn: TurnNumber, job: NewJob) {
        let job = NewJob {
            id: self.new_job_id(),
            ..job
        };
        let wish = Wish::Submit {
            jobs: vec![job],
            looked_up: turn,
        };
        self.put_request(c, Request { wish, call });
    }

    fn know_already(&mut self, c: usize, call: usize, jobs: &[JobId]) {
        let submitted = jobs.iter().map(|job| Submitted {
            job: *job,
            duplicate: true,
        });
        let submitted: Vec<_> = submitted.collect();
        self.checker
            .acknowledged(&self.clients.calls[call], &submitted, &self.database);
        self.answer_call(c, call, Heard::Submitted(submitted));
    }

    fn new_job(&mut self, number: u32) -> NewJob {
        let request_id = self.request_key(number).map(|(_, request_id)| request_id);
        let planned = &self.workload.jobs[number as usize];
        let mut spec = JobSpec::clone(&planned.spec);
        if self.panics(planned) {
            panicking::mark(&mut spec);
        }
        NewJob {
            id: self.new_job_id(),
            name: format!("job-{number}").into(),
            spec,
            request_id,
            traceparent: None,
            stored_spec: Bytes::copy_from_slice(&number.to_be_bytes()),
            replay_of: None,
            carried: Vec::new(),
        }
    }

    /// Makes the new job of a replay out of the record of the dead one.
    pub(super) fn read_death(&mut self, c: usize, call: usize, death: Option<StoredDeath>) {
        let CallKind::Replay { from_failed, .. } = self.clients.calls[call].kind else {
            return;
        };
        let Some(death) = death else {
            return self.answer_call(c, call, Heard::Done);
        };
        let job = death.replay(&self.workload, from_failed);
        let key = (
            Arc::clone(&job.spec.namespace),
            job.request_id.clone().expect("replays have one"),
        );
        self.clients.calls[call].replays = Some(Box::new(job));
        self.ask_database(
            c,
            DatabaseRequest::FindRequests {
                call,
                keys: vec![key],
            },
        );
    }
}
