//! From a request to a job in the model: compile, look the request id up, hand over.

use std::sync::Arc;

use drover_model::{Answer, JobId, NewJob, Submitted, TurnNumber};
use drover_proto::{
    Violation,
    spec::{self, Limits},
    v1,
};
use rustc_hash::{FxHashMap, FxHashSet};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::{
    error::{ApiError, Code},
    inbox::{Senders, Wish},
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
    limits: Limits,
}

impl Submitter {
    /// Starts the look-up stage, which ends with the last submitter.
    pub(crate) fn start(senders: Senders, store: Arc<dyn Store>, limits: Limits) -> Self {
        let (lookups, waiting) = mpsc::channel(LOOKUP_BATCH);
        tokio::spawn(look_up(store, waiting));
        Self {
            senders,
            lookups,
            limits,
        }
    }

    /// Checks a request and gives its job an id.
    pub(crate) fn compile(
        &self,
        request: &v1::SubmitRequest,
        traceparent: Option<Arc<str>>,
    ) -> Result<NewJob, Vec<Violation>> {
        let request_id =
            spec::check_request_id(&request.request_id).map_err(|problem| vec![problem])?;
        let Some(spec) = &request.spec else {
            return Err(vec![Violation {
                field: "spec".to_owned(),
                problem: "is missing".to_owned(),
            }]);
        };
        let compiled = spec::compile(spec, &self.limits)?;
        Ok(NewJob {
            id: JobId(Uuid::now_v7()),
            name: compiled.name,
            spec: compiled.spec,
            request_id,
            traceparent,
            stored_spec: compiled.stored_spec,
        })
    }

    /// Stores all jobs, or none; answers in their order once that is durable.
    pub(crate) async fn submit(&self, mut jobs: Vec<NewJob>) -> Result<Vec<Submitted>, ApiError> {
        if jobs.iter().all(|job| job.request_id.is_none()) {
            return self.hand_over(jobs, NOTHING_TO_MISS).await;
        }
        refuse_repeated_ids(&jobs)?;
        let (looked_up, known) = self.look_up(&jobs).await?;
        if known.is_empty() {
            return self.hand_over(jobs, looked_up).await;
        }
        let mut answers: Vec<Option<Submitted>> = Vec::with_capacity(jobs.len());
        for job in &jobs {
            answers.push(recognise(job, &known)?);
        }
        let mut place = 0;
        jobs.retain(|_| {
            place += 1;
            answers[place - 1].is_none()
        });
        let mut stored = if jobs.is_empty() {
            Vec::new()
        } else {
            self.hand_over(jobs, looked_up).await?
        }
        .into_iter();
        Ok(answers
            .into_iter()
            .filter_map(|answer| answer.or_else(|| stored.next()))
            .collect())
    }

    async fn hand_over(
        &self,
        jobs: Vec<NewJob>,
        looked_up: TurnNumber,
    ) -> Result<Vec<Submitted>, ApiError> {
        match self.senders.ask(Wish::Submit { jobs, looked_up }).await? {
            Answer::Submitted(submitted) => Ok(submitted),
            Answer::Refused(refusal) => Err(refusal.into()),
            _ => Err(ApiError::internal()),
        }
    }

    async fn look_up(
        &self,
        jobs: &[NewJob],
    ) -> Result<(TurnNumber, FxHashMap<RequestKey, FoundRequest>), ApiError> {
        let keys: Vec<RequestKey> = jobs.iter().filter_map(key).collect();
        let (reply, found) = oneshot::channel();
        self.lookups
            .try_send(Lookup { keys, reply })
            .map_err(|_| ApiError::overloaded())?;
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

fn key(job: &NewJob) -> Option<RequestKey> {
    let request_id = job.request_id.as_ref()?;
    Some((Arc::clone(&job.spec.namespace), Arc::clone(request_id)))
}

/// Two jobs of one batch cannot be the same job.
fn refuse_repeated_ids(jobs: &[NewJob]) -> Result<(), ApiError> {
    let mut seen = FxHashSet::default();
    for (index, job) in jobs.iter().enumerate() {
        if let Some(key) = key(job)
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

/// The job that an earlier call with this request id has made.
fn recognise(
    job: &NewJob,
    known: &FxHashMap<RequestKey, FoundRequest>,
) -> Result<Option<Submitted>, ApiError> {
    let Some(found) = key(job).and_then(|key| known.get(&key)) else {
        return Ok(None);
    };
    if found.stored_spec != job.stored_spec {
        return Err(ApiError::new(
            Code::RequestIdReused,
            format!(
                "request_id `{}` was used for job {}, which is different",
                found.request_id, found.job
            ),
        ));
    }
    Ok(Some(Submitted {
        job: found.job,
        duplicate: true,
    }))
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
