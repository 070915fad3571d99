//! What happened, from the record.

use std::sync::Arc;

use drover_model::{JobId, PolicyView};
use drover_proto::{
    job, node,
    time::{self, TimeProblem},
    v1,
};
use tokio::sync::mpsc;
use tonic::{Request, Response, Status};
use v1::history_record::Record;

use super::{
    Answers,
    pages::{namespace, refuse_nul},
};
use crate::{
    clock,
    error::ApiError,
    policies,
    principal::Principal,
    server::Parts,
    store::{HistoryQuery, Store, StoreError},
};

/// Records that may wait for a slow reader: few, because each may be a job with all its attempts.
const CAPACITY: usize = 2;
/// Ids of jobs read at once.
const PAGE: u32 = 1_000;

type Outgoing = mpsc::Sender<Result<v1::HistoryRecord, Status>>;

pub(crate) struct Traces {
    parts: Parts,
}

impl Traces {
    pub(crate) fn new(parts: Parts) -> Self {
        Self { parts }
    }

    async fn export(
        &self,
        request: &v1::ExportHistoryRequest,
    ) -> Result<Answers<v1::HistoryRecord>, ApiError> {
        let query = query(request)?;
        let header = header(&query, &policies::in_use(&self.parts.senders).await?);
        let nodes = self.parts.senders.nodes().await?;
        let store = Arc::clone(&self.parts.store);
        let (outgoing, records) = mpsc::channel(CAPACITY);
        tokio::spawn(async move {
            let first = nodes.into_iter().map(node::node).map(Record::Node);
            for record in std::iter::once(Record::Header(header)).chain(first) {
                if send(&outgoing, record).await.is_err() {
                    return;
                }
            }
            if let Err(Stop::Failed(error)) = send_jobs(&*store, query, &outgoing).await {
                let _ = outgoing.send(Err(error.into())).await;
            }
        });
        Ok(records.into())
    }
}

/// Why jobs are sent no further.
enum Stop {
    /// The reader has hung up.
    Gone,
    Failed(ApiError),
}

impl<E: Into<ApiError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

async fn send(outgoing: &Outgoing, record: Record) -> Result<(), Stop> {
    let record = v1::HistoryRecord {
        record: Some(record),
    };
    outgoing.send(Ok(record)).await.map_err(|_| Stop::Gone)
}

async fn send_jobs(
    store: &dyn Store,
    mut query: HistoryQuery,
    outgoing: &Outgoing,
) -> Result<(), Stop> {
    loop {
        let page = store.history(&query).await?;
        let is_last = page.len() < query.limit as usize;
        query.after = page.last().copied();
        for id in page {
            if let Some(job) = record(store, id).await? {
                send(outgoing, Record::Job(job)).await?;
            }
        }
        if is_last {
            return Ok(());
        }
    }
}

/// One that cannot be read is passed over: it was parked for that, and nobody could go on from it. The log names it.
async fn record(store: &dyn Store, id: JobId) -> Result<Option<v1::Job>, StoreError> {
    let stored = match store.job(id).await {
        Ok((_, Some(stored))) => stored,
        Ok((_, None)) => return Ok(None),
        Err(error @ StoreError::Corrupt { job: Some(_), .. }) => {
            tracing::error!(%error, "a job is left out of a history");
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let record = job::JobRecord {
        row: &stored.row,
        fixed: &stored.fixed,
        attempts: &stored.attempts,
        view: None,
    };
    let record = job::job(record, clock::wall());
    if let Err(error) = &record {
        tracing::error!(job = %id, %error, "a job is left out of a history: its spec cannot be read");
    }
    Ok(record.ok())
}

fn query(request: &v1::ExportHistoryRequest) -> Result<HistoryQuery, ApiError> {
    refuse_nul("queue", &request.queue)?;
    let Some(from) = &request.from_time else {
        let problem = "is required: jobs submitted at this time or later are exported";
        return Err(ApiError::invalid_field("from_time", problem));
    };
    let from = time::to_model(from).map_err(|problem| wrong("from_time", problem))?;
    let until = match &request.until_time {
        Some(until) => time::to_model(until).map_err(|problem| wrong("until_time", problem))?,
        None => clock::wall(),
    };
    if until <= from {
        let problem = "must be after `from_time`, which is no time in the future";
        return Err(ApiError::invalid_field("until_time", problem));
    }
    Ok(HistoryQuery {
        namespace: namespace(&request.namespace)?.into(),
        queue: (!request.queue.is_empty()).then(|| Arc::from(request.queue.as_str())),
        from,
        until,
        after: None,
        limit: PAGE,
    })
}

fn wrong(field: &str, problem: TimeProblem) -> ApiError {
    ApiError::invalid_field(field, problem.to_string())
}

fn header(query: &HistoryQuery, rules: &PolicyView) -> v1::HistoryHeader {
    v1::HistoryHeader {
        namespace: query.namespace.as_ref().to_owned(),
        queue: query.queue.as_deref().unwrap_or_default().to_owned(),
        from_time: Some(time::from_model(query.from)),
        until_time: Some(time::from_model(query.until)),
        policy: rules.policy.to_string(),
        dispatch_mode: rules.mode.to_string(),
        score_weights: rules.weights.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

#[tonic::async_trait]
impl v1::trace_service_server::TraceService for Traces {
    type ExportHistoryStream = Answers<v1::HistoryRecord>;

    async fn export_history(
        &self,
        request: Request<v1::ExportHistoryRequest>,
    ) -> Result<Response<Self::ExportHistoryStream>, Status> {
        Principal::of(&request)?;
        Ok(Response::new(self.export(request.get_ref()).await?))
    }
}
