//! The calls that a learner makes.

use std::time::Duration;

use drover_proto::v1::{
    ExportHistoryRequest, ExportPolicyRequest, GetStatusRequest, HistoryRecord, ListJobsRequest,
    ListPoliciesRequest, ListPoliciesResponse, OfferCandidateRequest, OfferCandidateResponse,
    cluster_service_client::ClusterServiceClient, job_service_client::JobServiceClient,
    policy_service_client::PolicyServiceClient, trace_service_client::TraceServiceClient,
};
use tonic::transport::{Channel, Endpoint};

use super::ServeError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A coordinator that is frozen or cut off is noticed after the sum of both.
const PING_AFTER: Duration = Duration::from_secs(3);
const PING_TIMEOUT: Duration = Duration::from_secs(4);
/// Jobs with thousands of tasks have long records.
const MAX_ANSWER_BYTES: usize = 256 << 20;
/// Of a list of jobs.
const LARGEST_PAGE: u32 = 1_000;

/// This learner's.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Coordinators of one cluster. One of them is asked until it fails, then the next.
#[derive(Debug)]
pub(super) struct Coordinator {
    endpoints: Vec<Endpoint>,
    current: usize,
    channel: Option<Channel>,
}

impl Coordinator {
    /// Connects to nobody yet.
    ///
    /// # Errors
    /// An address that is none.
    pub(super) fn new(addresses: &[String]) -> Result<Self, ServeError> {
        let endpoint = |address: &String| {
            let url = match address.trim() {
                url if url.contains("://") => url.to_owned(),
                host => format!("http://{host}"),
            };
            let endpoint = Endpoint::from_shared(url);
            endpoint.map_err(|_| ServeError::Address(address.clone()))
        };
        let endpoints = addresses.iter().map(endpoint);
        Ok(Self {
            endpoints: endpoints.collect::<Result<_, _>>()?,
            current: 0,
            channel: None,
        })
    }

    /// Asks the next one from now on.
    pub(super) fn leave(&mut self) {
        self.channel = None;
        self.current = (self.current + 1) % self.endpoints.len();
    }

    /// # Errors
    /// When its version is not this program's: it schedules otherwise than is simulated here.
    pub(super) async fn check_version(&mut self) -> Result<(), ServeError> {
        let mut client = ClusterServiceClient::new(self.channel().await?);
        let status = client.get_status(GetStatusRequest {}).await;
        let status = status.map_err(|status| self.failed("tell its status", &status))?;
        let theirs = status.into_inner().version;
        match theirs == VERSION {
            true => Ok(()),
            false => Err(ServeError::OtherVersion {
                theirs,
                ours: VERSION,
            }),
        }
    }

    pub(super) async fn policies(&mut self) -> Result<ListPoliciesResponse, ServeError> {
        let mut client = PolicyServiceClient::new(self.channel().await?);
        let listed = client.list(ListPoliciesRequest {}).await;
        let listed = listed.map_err(|status| self.failed("list its policies", &status))?;
        Ok(listed.into_inner())
    }

    pub(super) async fn weights(&mut self, version: &str) -> Result<Vec<u8>, ServeError> {
        let mut client = PolicyServiceClient::new(self.channel().await?);
        let request = ExportPolicyRequest {
            version: version.to_owned(),
        };
        let exported = client.export(request).await;
        let exported =
            exported.map_err(|status| self.failed("give the weights in use", &status))?;
        Ok(exported.into_inner().weights.to_vec())
    }

    /// Records of the last `jobs` jobs of a namespace and of those submitted in the same millisecond as the first of them, and
    /// what else an export tells. Nothing where there are no jobs.
    pub(super) async fn history(
        &mut self,
        namespace: &str,
        jobs: u32,
    ) -> Result<Vec<HistoryRecord>, ServeError> {
        let Some(from_time) = self.submitted(namespace, jobs).await? else {
            return Ok(Vec::new());
        };
        let client = TraceServiceClient::new(self.channel().await?);
        let mut client = client.max_decoding_message_size(MAX_ANSWER_BYTES);
        let request = ExportHistoryRequest {
            namespace: namespace.to_owned(),
            from_time: Some(from_time),
            ..ExportHistoryRequest::default()
        };
        let failed = |status| self.failed("export its history", &status);
        let mut stream = client
            .export_history(request)
            .await
            .map_err(failed)?
            .into_inner();
        let mut records = Vec::new();
        while let Some(record) = stream.message().await.map_err(failed)? {
            records.push(record);
        }
        Ok(records)
    }

    /// When the oldest of the last so many jobs was. `None`: there are no jobs.
    async fn submitted(
        &mut self,
        namespace: &str,
        jobs: u32,
    ) -> Result<Option<pbjson_types::Timestamp>, ServeError> {
        let client = JobServiceClient::new(self.channel().await?);
        let mut client = client.max_decoding_message_size(MAX_ANSWER_BYTES);
        let (mut left, mut page_token, mut oldest) = (jobs, String::new(), None);
        loop {
            let request = ListJobsRequest {
                namespace: namespace.to_owned(),
                page_size: left.min(LARGEST_PAGE),
                page_token,
                ..ListJobsRequest::default()
            };
            let page = client.list(request).await;
            let page = page.map_err(|status| self.failed("list its jobs", &status))?;
            let page = page.into_inner();
            left = left.saturating_sub(page.jobs.len() as u32);
            if let Some(job) = page.jobs.into_iter().next_back() {
                oldest = job.submit_time;
            }
            page_token = page.next_page_token;
            if left == 0 || page_token.is_empty() {
                return Ok(oldest);
            }
        }
    }

    pub(super) async fn offer(
        &mut self,
        request: OfferCandidateRequest,
    ) -> Result<OfferCandidateResponse, ServeError> {
        let mut client = PolicyServiceClient::new(self.channel().await?);
        let answer = client.offer_candidate(request).await;
        let answer = answer.map_err(|status| self.failed("take the candidate", &status))?;
        Ok(answer.into_inner())
    }

    fn failed(&self, call: &'static str, status: &tonic::Status) -> ServeError {
        ServeError::of(call, &self.address(), status)
    }

    fn address(&self) -> String {
        self.endpoints[self.current].uri().to_string()
    }

    async fn channel(&mut self) -> Result<Channel, ServeError> {
        if let Some(channel) = &self.channel {
            return Ok(channel.clone());
        }
        let endpoint = self.endpoints[self.current].clone();
        let endpoint = endpoint
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(PING_AFTER)
            .keep_alive_timeout(PING_TIMEOUT)
            .keep_alive_while_idle(true)
            .tcp_nodelay(true);
        let connected = endpoint.connect().await;
        let channel = connected.map_err(|error| ServeError::Unreachable {
            address: self.address(),
            problem: innermost(&error),
        })?;
        Ok(self.channel.insert(channel).clone())
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
