//! From a request to a job in the model: compile, look the request id up, hand over.

mod known;

use std::sync::Arc;

use bytes::Bytes;
use drover_model::{Answer, JobId, NewJob, Refusal, Submitted, TurnNumber};
use drover_proto::{
    Violation, job,
    spec::{self, DEFAULT_NAME},
    v1,
};
use rustc_hash::{FxHashMap, FxHashSet};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::{
    config::Options,
    error::{ApiError, Code},
    inbox::{Senders, Wish},
    queues::QueueDefaults,
    store::{FoundRequest, Store},
};

/// Look-ups answered by one query.
const LOOKUP_BATCH: usize = 1_024;
/// For jobs without a request id there is nothing that a look-up could have missed.
const NOTHING_TO_MISS: TurnNumber = TurnNumber(u64::MAX);

type RequestKey = (Arc<str>, Arc<str>);
type Found = (TurnNumber, Vec<FoundRequest>);

struct Lookup {
    keys: Vec<RequestKey>,
    reply: oneshot::Sender<Result<Found, ApiError>>,
}

/// Where submits go.
#[derive(Clone)]
pub(crate) struct Submitter {
    senders: Senders,
    lookups: mpsc::Sender<Lookup>,
    queues: Arc<QueueDefaults>,
    options: Arc<Options>,
}

/// A checked job that is to be submitted.
pub(crate) struct Candidate {
    job: NewJob,
    /// Before the queue's defaults were filled in, if there were any and the job may have been submitted before: these may
    /// have been others then.
    asked: Option<v1::JobSpec>,
}

impl Candidate {
    /// Of arrays and gangs.
    pub(crate) fn instances(&self) -> usize {
        let groups = self.job.spec.groups.iter();
        groups.map(|group| group.count as usize).sum()
    }
}

impl From<NewJob> for Candidate {
    fn from(job: NewJob) -> Self {
        Self { job, asked: None }
    }
}

impl Submitter {
    /// Starts the look-up stage, which ends with the last submitter.
    pub(crate) fn start(
        senders: Senders,
        store: Arc<dyn Store>,
        queues: Arc<QueueDefaults>,
        options: Arc<Options>,
    ) -> Self {
        let (lookups, waiting) = mpsc::channel(LOOKUP_BATCH);
        tokio::spawn(look_up(store, waiting));
        Self {
            senders,
            lookups,
            queues,
            options,
        }
    }

    /// Checks a request, fills in what its queue gives, and gives its job an id.
    pub(crate) fn compile(
        &self,
        request: &v1::SubmitRequest,
        traceparent: Option<Arc<str>>,
    ) -> Result<Candidate, Vec<Violation>> {
        let request_id =
            spec::check_request_id(&request.request_id).map_err(|problem| vec![problem])?;
        let Some(spec) = &request.spec else {
            return Err(vec![Violation {
                field: "spec".to_owned(),
                problem: "is missing".to_owned(),
            }]);
        };
        spec::check_asked(spec)?;
        let filled = self.fill_in(spec);
        let compiled = spec::compile(filled.as_ref().unwrap_or(spec), &self.options.limits)?;
        let asked = (filled.is_some() && request_id.is_some()).then(|| spec.clone());
        let job = NewJob {
            id: JobId(Uuid::now_v7()),
            name: compiled.name,
            spec: compiled.spec,
            request_id,
            traceparent,
            stored_spec: compiled.stored_spec,
            replay_of: None,
            carried: Vec::new(),
        };
        Ok(Candidate { job, asked })
    }

    /// `None` when the queue gives nothing.
    fn fill_in(&self, spec: &v1::JobSpec) -> Option<v1::JobSpec> {
        let defaults = self
            .queues
            .find(or_default(&spec.namespace), or_default(&spec.queue))?;
        let mut filled = spec.clone();
        spec::apply_queue_defaults(&mut filled, &defaults);
        Some(filled)
    }

    /// Stores all jobs, or none; answers in their order once that is durable.
    pub(crate) async fn submit(
        &self,
        candidates: Vec<Candidate>,
    ) -> Result<Vec<Submitted>, ApiError> {
        self.senders.require_leader()?;
        if candidates
            .iter()
            .all(|candidate| candidate.job.request_id.is_none())
        {
            return self.hand_over(jobs_of(candidates), NOTHING_TO_MISS).await;
        }
        refuse_repeated_ids(&candidates)?;
        let keys = candidates
            .iter()
            .filter_map(|candidate| key(&candidate.job));
        let (looked_up, known) = self.look_up(keys.collect()).await?;
        if known.is_empty() {
            return self.hand_over(jobs_of(candidates), looked_up).await;
        }
        let mut answers: Vec<Option<Submitted>> = Vec::with_capacity(candidates.len());
        let mut unknown = Vec::new();
        for candidate in candidates {
            let known = known::recognise(&candidate, &known)?;
            if known.is_none() {
                unknown.push(candidate.job);
            }
            answers.push(known);
        }
        let mut stored = if unknown.is_empty() {
            Vec::new()
        } else {
            self.hand_over(unknown, looked_up).await?
        }
        .into_iter();
        Ok(answers
            .into_iter()
            .filter_map(|answer| answer.or_else(|| stored.next()))
            .collect())
    }

    /// The job that was made earlier for the request id of this one.
    pub(crate) async fn find(&self, job: &NewJob) -> Result<Option<Submitted>, ApiError> {
        let (_, known) = self.look_up(key(job).into_iter().collect()).await?;
        let found = known.into_values().next();
        Ok(found.map(|found| Submitted {
            job: found.job,
            duplicate: true,
        }))
    }

    async fn hand_over(
        &self,
        jobs: Vec<NewJob>,
        looked_up: TurnNumber,
    ) -> Result<Vec<Submitted>, ApiError> {
        // For the words of a refusal that is given only where that is configured.
        let explained = jobs.iter().filter(|_| self.options.refuse_impossible);
        let specs: Vec<Bytes> = explained.map(|job| job.stored_spec.clone()).collect();
        match self.senders.ask(Wish::Submit { jobs, looked_up }).await? {
            Answer::Submitted(submitted) => Ok(submitted),
            Answer::Refused(Refusal::Impossible { job, task, reason }) => {
                let spec = specs.get(job as usize).map_or(&[][..], |spec| spec);
                let why = job::impossibility(spec, task, &reason);
                Err(ApiError::new(Code::Impossible, why))
            }
            Answer::Refused(refusal) => Err(refusal.into()),
            _ => Err(ApiError::internal()),
        }
    }

    async fn look_up(
        &self,
        keys: Vec<RequestKey>,
    ) -> Result<(TurnNumber, FxHashMap<RequestKey, FoundRequest>), ApiError> {
        let (reply, found) = oneshot::channel();
        self.lookups
            .try_send(Lookup { keys, reply })
            .map_err(|_| self.senders.shed())?;
        let (turn, found) = found.await.map_err(|_| ApiError::interrupted())??;
        let known = found
            .into_iter()
            .map(|found| {
                let key = (Arc::clone(&found.namespace), Arc::clone(&found.request_id));
                (key, found)
            })
            .collect();
        Ok((turn, known))
    }
}

fn or_default(name: &str) -> &str {
    if name.is_empty() { DEFAULT_NAME } else { name }
}

fn key(job: &NewJob) -> Option<RequestKey> {
    let request_id = job.request_id.as_ref()?;
    Some((Arc::clone(&job.spec.namespace), Arc::clone(request_id)))
}

/// Two jobs of one batch cannot be the same job.
fn refuse_repeated_ids(candidates: &[Candidate]) -> Result<(), ApiError> {
    let mut seen = FxHashSet::default();
    for (index, candidate) in candidates.iter().enumerate() {
        if let Some(key) = key(&candidate.job)
            && !seen.insert(key)
        {
            return Err(ApiError::invalid_field(
                &format!("requests[{index}].request_id"),
                "stands in this batch twice",
            ));
        }
    }
    Ok(())
}

fn jobs_of(candidates: Vec<Candidate>) -> Vec<NewJob> {
    candidates
        .into_iter()
        .map(|candidate| candidate.job)
        .collect()
}

/// One query answers everybody who waits.
async fn look_up(store: Arc<dyn Store>, mut waiting: mpsc::Receiver<Lookup>) {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, LOOKUP_BATCH).await > 0 {
        let keys: Vec<RequestKey> = batch
            .iter()
            .flat_map(|lookup: &Lookup| lookup.keys.iter().cloned())
            .collect();
        match store.find_requests(&keys).await {
            Ok((turn, found)) => {
                let found: FxHashMap<RequestKey, FoundRequest> = found
                    .into_iter()
                    .map(|found| {
                        let key = (Arc::clone(&found.namespace), Arc::clone(&found.request_id));
                        (key, found)
                    })
                    .collect();
                for lookup in batch.drain(..) {
                    let own = lookup.keys.iter().filter_map(|key| found.get(key).cloned());
                    let _ = lookup.reply.send(Ok((turn, own.collect())));
                }
            }
            Err(error) => {
                let error = ApiError::from(error);
                for lookup in batch.drain(..) {
                    let _ = lookup.reply.send(Err(error.clone()));
                }
            }
        }
    }
}
