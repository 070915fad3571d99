//! The jobs of one execution, from their submission to what is recorded of them.

use std::collections::BTreeMap;

use drover_model::Timestamp;
use drover_proto::{
    time,
    v1::{CancelJobRequest, Cancellation, ExportHistoryRequest, NodeState},
};
use drover_sim::trace::{
    Trace,
    history::line::{JobLine, Line},
};
use tokio::{task::JoinSet, time::Instant};

use super::{ExecuteError, spec::Submission};
use crate::{
    client::{Address, Client},
    error::CliError,
    history, output, progress,
};

/// Clocks of hosts may differ by so much; other jobs that come with it are told apart by their ids.
const MARGIN_MS: i64 = 60_000;

/// What was recorded.
pub(super) struct Recording {
    /// When the trace began.
    pub(super) began: Timestamp,
    /// In force where the jobs ran.
    pub(super) policy: String,
    /// By place in the trace; none of what is missing.
    pub(super) jobs: Vec<Option<JobLine>>,
    /// Why nothing is recorded of the others, by place in the trace.
    pub(super) missing: BTreeMap<usize, Missing>,
}

/// Why nothing is recorded of a job.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Missing {
    #[error("{0}")]
    Refused(Box<CliError>),
    #[error(
        "the coordinator says nothing of {0}, which it had accepted; does somebody change its clock?"
    )]
    Vanished(String),
}

/// Jobs that have been submitted, or are about to be.
pub(super) struct Run {
    client: Client,
    began: Timestamp,
    calls: JoinSet<(usize, Result<Vec<String>, CliError>)>,
    /// By place in the trace.
    ids: BTreeMap<usize, String>,
    missing: BTreeMap<usize, Missing>,
}

impl Run {
    /// # Errors
    /// When nobody answers there, or a job of the trace fits on no node of this coordinator, where it would wait for ever.
    pub(super) async fn begin(address: &Address, trace: &Trace) -> Result<Self, ExecuteError> {
        let client = Client::connect(address).await?;
        let widest = widest_node(&client).await?;
        let jobs = trace.jobs.iter().map(|job| job.tasks.first());
        let wanted = jobs.map(|task| task.map_or(0, |task| task.resources.cpu_millis));
        if let Some((job, wanted)) = wanted.enumerate().find(|(_, wanted)| *wanted > widest) {
            return Err(ExecuteError::TooWide {
                job,
                wanted: wanted as f64 / 1_000.0,
                widest: widest as f64 / 1_000.0,
            });
        }
        Ok(Self {
            client,
            began: Timestamp(output::now_ms()),
            calls: JoinSet::new(),
            ids: BTreeMap::new(),
            missing: BTreeMap::new(),
        })
    }

    /// Submits each job at its time, and waits for the ends of all that were accepted. May be dropped halfway; then
    /// [`Self::cancel`].
    pub(super) async fn run_all(
        &mut self,
        jobs: Vec<Submission>,
        scale: f64,
    ) -> Result<(), CliError> {
        let begun = Instant::now();
        for (place, one) in jobs.into_iter().enumerate() {
            tokio::time::sleep_until(begun + one.at.mul_f64(scale)).await;
            let client = self.client.clone();
            self.calls
                .spawn(async move { (place, client.submit(vec![one.spec], None).await) });
        }
        self.take_answers().await;
        for (place, id) in &self.ids {
            match progress::follow_quietly(&self.client, id).await {
                Ok(_) => {}
                Err(error @ CliError::Refused(_)) => {
                    let missing = Missing::Refused(Box::new(error));
                    self.missing.insert(*place, missing);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn take_answers(&mut self) {
        while let Some(answer) = self.calls.join_next().await {
            let (place, answer) =
                answer.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
            match answer {
                Ok(ids) => self.ids.extend(ids.into_iter().map(|id| (place, id))),
                Err(error) => {
                    let missing = Missing::Refused(Box::new(error));
                    self.missing.insert(place, missing);
                }
            }
        }
    }

    /// Also what is being submitted at the moment. What has ended stays as it is.
    pub(super) async fn cancel(&mut self) -> Result<(), CliError> {
        self.take_answers().await;
        for id in self.ids.values() {
            let request = CancelJobRequest {
                job_id: id.clone(),
                reason: "`drover simulate --execute` was ended".to_owned(),
                how: Cancellation::Stop.into(),
            };
            match self.client.cancel(request).await {
                Ok(()) | Err(CliError::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// What the coordinator has recorded, once everything has ended.
    pub(super) async fn read_back(self, count: usize) -> Result<Recording, CliError> {
        let request = ExportHistoryRequest {
            from_time: Some(time::from_model(Timestamp(self.began.0 - MARGIN_MS))),
            until_time: Some(time::from_model(Timestamp(output::now_ms() + MARGIN_MS))),
            ..ExportHistoryRequest::default()
        };
        let (mut found, mut policy) = (BTreeMap::new(), String::new());
        history::export(&self.client, request, |line| {
            match line {
                Line::Header(header) => policy = header.policy,
                Line::Job(job) => {
                    found.insert(job.id.clone(), *job);
                }
                Line::Node(_) => {}
            }
            Ok(())
        })
        .await?;
        let mut missing = self.missing;
        let mut jobs = vec![None; count];
        for (place, id) in self.ids {
            match found.remove(&id) {
                Some(job) => {
                    missing.remove(&place);
                    jobs[place] = Some(job);
                }
                None => {
                    missing.entry(place).or_insert(Missing::Vanished(id));
                }
            }
        }
        Ok(Recording {
            began: self.began,
            policy,
            jobs,
            missing,
        })
    }
}

/// In thousandths of a processor, of the nodes that may come back.
async fn widest_node(client: &Client) -> Result<u64, CliError> {
    let nodes = client.nodes().await?.nodes.into_iter();
    let there = nodes.filter(|node| !matches!(node.state(), NodeState::Lost | NodeState::Left));
    let widths = there.filter_map(|node| Some(node.capacity?.cpu_millis));
    Ok(widths.max().unwrap_or(0))
}
