//! The connection to a coordinator.

use std::{error::Error as _, time::Duration};

use drover_proto::v1::{
    GetJobRequest, Job, JobSpec, SubmitBatchRequest, SubmitRequest,
    job_service_client::JobServiceClient, node_service_client::NodeServiceClient,
    policy_service_client::PolicyServiceClient,
};
use tonic::{
    Code, Status,
    transport::{Channel, Endpoint},
};

use crate::error::CliError;

/// Jobs with thousands of tasks have long records.
const MAX_ANSWER_BYTES: usize = 256 << 20;

/// Waits between tries while a connection is broken; ends after about 8 s.
const RETRY_WAITS_MS: [u64; 5] = [250, 500, 1_000, 2_000, 4_000];

/// Where the coordinator is.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Address {
    /// Address of the coordinator.
    #[arg(
        long = "address",
        env = "DROVER_ADDRESS",
        value_name = "URL",
        default_value = "http://127.0.0.1:7700",
        global = true
    )]
    pub(crate) url: String,
}

/// A connected client. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    address: String,
    channel: Channel,
}

impl Client {
    pub(crate) async fn connect(address: &Address) -> Result<Self, CliError> {
        let mut url = address.url.clone();
        if !url.contains("://") {
            url.insert_str(0, "http://");
        }
        let endpoint = Endpoint::from_shared(url.clone())
            .map_err(|_| {
                CliError::Usage(format!(
                    "--address must look like http://HOST:PORT, not `{}`",
                    address.url
                ))
            })?
            .connect_timeout(Duration::from_secs(5))
            .http2_keep_alive_interval(Duration::from_secs(10))
            .keep_alive_while_idle(true)
            .tcp_nodelay(true);
        match endpoint.connect().await {
            Ok(channel) => Ok(Self {
                address: url,
                channel,
            }),
            Err(error) => Err(CliError::Unreachable {
                address: url,
                problem: innermost(&error),
            }),
        }
    }

    pub(crate) fn jobs(&self) -> JobServiceClient<Channel> {
        JobServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(crate) fn nodes(&self) -> NodeServiceClient<Channel> {
        NodeServiceClient::new(self.channel.clone())
    }

    pub(crate) fn policies(&self) -> PolicyServiceClient<Channel> {
        PolicyServiceClient::new(self.channel.clone())
    }

    /// Submits all jobs or none, and gives their ids. A broken connection is tried again under the same request ids, so
    /// no job is made twice.
    pub(crate) async fn submit(
        &self,
        jobs: Vec<JobSpec>,
        request_id: Option<&str>,
    ) -> Result<Vec<String>, CliError> {
        let requests = with_request_ids(jobs, request_id);
        let mut waits = RETRY_WAITS_MS.iter();
        loop {
            let request = SubmitBatchRequest {
                requests: requests.clone(),
            };
            match self.jobs().submit_batch(request).await {
                Ok(answer) => {
                    let responses = answer.into_inner().responses;
                    return Ok(responses
                        .into_iter()
                        .map(|response| response.job_id)
                        .collect());
                }
                Err(status) if is_broken(&status) => match waits.next() {
                    Some(wait) => tokio::time::sleep(Duration::from_millis(*wait)).await,
                    None => return Err(self.failed(status)),
                },
                Err(status) => return Err(status.into()),
            }
        }
    }

    pub(crate) async fn job(&self, id: &str) -> Result<Job, CliError> {
        let request = GetJobRequest {
            job_id: id.to_owned(),
        };
        match self.jobs().get(request).await {
            Ok(job) => Ok(job.into_inner()),
            Err(status) => Err(self.failed(status)),
        }
    }

    /// Tells a lost connection from a refusal.
    pub(crate) fn failed(&self, status: Status) -> CliError {
        if is_broken(&status) {
            CliError::Unreachable {
                address: self.address.clone(),
                problem: status.message().to_owned(),
            }
        } else {
            status.into()
        }
    }
}

/// The coordinator is away, or went away during the call. A status that it sent itself has no source.
pub(crate) fn is_broken(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable => true,
        Code::Unknown | Code::Internal | Code::Cancelled => status.source().is_some(),
        _ => false,
    }
}

fn with_request_ids(jobs: Vec<JobSpec>, given: Option<&str>) -> Vec<SubmitRequest> {
    let alone = jobs.len() == 1;
    jobs.into_iter()
        .enumerate()
        .map(|(index, spec)| SubmitRequest {
            spec: Some(spec),
            request_id: match given {
                Some(id) if alone => id.to_owned(),
                Some(id) => format!("{id}-{index}"),
                None => uuid::Uuid::now_v7().to_string(),
            },
        })
        .collect()
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
