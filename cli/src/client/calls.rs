//! Every call that commands make.

use drover_proto::v1::{
    self, CancelJobRequest, DeadLetter, EvaluateSpeedsRequest, EvaluateSpeedsResponse,
    GetDeadLetterRequest, GetJobRequest, GetLogsRequest, GetNodeRequest, GetStatusRequest, Job,
    JobSpec, ListDeadLettersRequest, ListDeadLettersResponse, ListJobsRequest, ListJobsResponse,
    ListNodesRequest, ListNodesResponse, ListPoliciesRequest, ListPoliciesResponse,
    ListQueuesRequest, ListQueuesResponse, LogLine, Node, PurgeDeadLettersRequest,
    PurgeDeadLettersResponse, Queue, ReplayDeadLetterRequest, SetQueueRequest, SubmitBatchRequest,
    SubmitRequest, SubmitResponse, WatchJobRequest, WatchJobResponse,
    cluster_service_client::ClusterServiceClient,
    dead_letter_service_client::DeadLetterServiceClient, job_service_client::JobServiceClient,
    node_service_client::NodeServiceClient, policy_service_client::PolicyServiceClient,
    queue_service_client::QueueServiceClient, trace_service_client::TraceServiceClient,
};
use tonic::{Streaming, transport::Channel};

use super::{Answered, Client, Repeat};
use crate::error::CliError;

/// Jobs with thousands of tasks have long records.
const MAX_ANSWER_BYTES: usize = 256 << 20;

/// Makes a call with the client of a service.
macro_rules! ask {
    ($self:ident, $repeat:ident, $service:expr, $method:ident, $request:expr) => {
        $self
            .call(Repeat::$repeat, $request, |channel, request| async move {
                $service(channel).$method(request).await
            })
            .await
    };
}

impl Client {
    /// Submits all jobs or none, and gives their ids. Every job has a request id, so none is made twice.
    pub(crate) async fn submit(
        &self,
        jobs: Vec<JobSpec>,
        request_id: Option<&str>,
    ) -> Result<Vec<String>, CliError> {
        let request = SubmitBatchRequest {
            requests: with_request_ids(jobs, request_id),
        };
        let answer = ask!(self, Freely, job_service, submit_batch, request)?.answer;
        let responses = answer.responses.into_iter();
        Ok(responses.map(|response| response.job_id).collect())
    }

    pub(crate) async fn job(&self, id: &str) -> Result<Job, CliError> {
        let request = GetJobRequest {
            job_id: id.to_owned(),
        };
        Ok(ask!(self, Freely, job_service, get, request)?.answer)
    }

    pub(crate) async fn explain(
        &self,
        request: v1::ExplainRequest,
    ) -> Result<v1::ExplainResponse, CliError> {
        Ok(ask!(self, Freely, job_service, explain, request)?.answer)
    }

    pub(crate) async fn list_jobs(
        &self,
        request: ListJobsRequest,
    ) -> Result<ListJobsResponse, CliError> {
        Ok(ask!(self, Freely, job_service, list, request)?.answer)
    }

    /// The stream may break; it tells whose it was.
    pub(crate) async fn watch(
        &self,
        id: &str,
    ) -> Result<Answered<Streaming<WatchJobResponse>>, CliError> {
        let request = WatchJobRequest {
            job_id: id.to_owned(),
        };
        ask!(self, Freely, job_service, watch, request)
    }

    /// The stream may break; it tells whose it was.
    pub(crate) async fn logs(
        &self,
        request: GetLogsRequest,
    ) -> Result<Answered<Streaming<LogLine>>, CliError> {
        ask!(self, Freely, job_service, get_logs, request)
    }

    /// Repeated it would be refused: the job is being cancelled by then.
    pub(crate) async fn cancel(&self, request: CancelJobRequest) -> Result<(), CliError> {
        ask!(self, IfNotDone, job_service, cancel, request)?;
        Ok(())
    }

    pub(crate) async fn nodes(&self) -> Result<ListNodesResponse, CliError> {
        let request = ListNodesRequest {};
        Ok(ask!(self, Freely, NodeServiceClient::new, list, request)?.answer)
    }

    pub(crate) async fn node(&self, name: String) -> Result<Node, CliError> {
        let request = GetNodeRequest { name };
        Ok(ask!(self, Freely, NodeServiceClient::new, get, request)?.answer)
    }

    pub(crate) async fn resources(&self) -> Result<v1::GetResourcesResponse, CliError> {
        let request = v1::GetResourcesRequest {};
        Ok(ask!(self, Freely, NodeServiceClient::new, resources, request)?.answer)
    }

    /// Said twice it is the same.
    pub(crate) async fn set_node(&self, request: v1::SetNodeRequest) -> Result<Node, CliError> {
        Ok(ask!(self, Freely, NodeServiceClient::new, set, request)?.answer)
    }

    pub(crate) async fn cordon(&self, name: String) -> Result<Node, CliError> {
        let request = v1::CordonNodeRequest { name };
        Ok(ask!(self, Freely, NodeServiceClient::new, cordon, request)?.answer)
    }

    pub(crate) async fn uncordon(&self, name: String) -> Result<Node, CliError> {
        let request = v1::UncordonNodeRequest { name };
        Ok(ask!(self, Freely, NodeServiceClient::new, uncordon, request)?.answer)
    }

    /// Repeated it moves the deadline by as long as the call took.
    pub(crate) async fn drain(&self, request: v1::DrainNodeRequest) -> Result<Node, CliError> {
        Ok(ask!(self, Freely, NodeServiceClient::new, drain, request)?.answer)
    }

    pub(crate) async fn evaluate_speeds(
        &self,
        attempts: u32,
    ) -> Result<EvaluateSpeedsResponse, CliError> {
        let request = EvaluateSpeedsRequest { attempts };
        Ok(ask!(
            self,
            Freely,
            NodeServiceClient::new,
            evaluate_speeds,
            request
        )?
        .answer)
    }

    pub(crate) async fn policies(&self) -> Result<ListPoliciesResponse, CliError> {
        let request = ListPoliciesRequest {};
        Ok(ask!(self, Freely, PolicyServiceClient::new, list, request)?.answer)
    }

    pub(crate) async fn policy(
        &self,
        request: v1::GetPolicyRequest,
    ) -> Result<v1::PolicyVersion, CliError> {
        Ok(ask!(self, Freely, PolicyServiceClient::new, get, request)?.answer)
    }

    /// Said twice it is the same.
    pub(crate) async fn use_policy(
        &self,
        request: v1::UsePolicyRequest,
    ) -> Result<v1::UsePolicyResponse, CliError> {
        Ok(ask!(self, Freely, PolicyServiceClient::new, r#use, request)?.answer)
    }

    /// Said twice it is the same.
    pub(crate) async fn promote_policy(
        &self,
        request: v1::PromotePolicyRequest,
    ) -> Result<v1::UsePolicyResponse, CliError> {
        Ok(ask!(self, Freely, PolicyServiceClient::new, promote, request)?.answer)
    }

    /// Repeated it would go back further.
    pub(crate) async fn roll_policy_back(
        &self,
        request: v1::RollbackPolicyRequest,
    ) -> Result<v1::UsePolicyResponse, CliError> {
        Ok(ask!(self, IfNotDone, PolicyServiceClient::new, rollback, request)?.answer)
    }

    /// The same weights twice are stored once.
    pub(crate) async fn import_policy(
        &self,
        request: v1::ImportPolicyRequest,
    ) -> Result<v1::PolicyVersion, CliError> {
        Ok(ask!(self, Freely, PolicyServiceClient::new, import, request)?.answer)
    }

    pub(crate) async fn export_policy(
        &self,
        request: v1::ExportPolicyRequest,
    ) -> Result<v1::ExportPolicyResponse, CliError> {
        Ok(ask!(self, Freely, PolicyServiceClient::new, export, request)?.answer)
    }

    pub(crate) async fn policy_history(
        &self,
        request: v1::PolicyHistoryRequest,
    ) -> Result<v1::PolicyHistoryResponse, CliError> {
        Ok(ask!(self, Freely, PolicyServiceClient::new, history, request)?.answer)
    }

    pub(crate) async fn queues(&self, namespace: String) -> Result<ListQueuesResponse, CliError> {
        let request = ListQueuesRequest { namespace };
        Ok(ask!(self, Freely, QueueServiceClient::new, list, request)?.answer)
    }

    /// Twice the same settings are the same settings.
    pub(crate) async fn set_queue(&self, queue: Queue) -> Result<Queue, CliError> {
        let request = SetQueueRequest { queue: Some(queue) };
        Ok(ask!(self, Freely, QueueServiceClient::new, set, request)?.answer)
    }

    pub(crate) async fn dead_letters(
        &self,
        request: ListDeadLettersRequest,
    ) -> Result<ListDeadLettersResponse, CliError> {
        Ok(ask!(self, Freely, dead_letter_service, list, request)?.answer)
    }

    pub(crate) async fn dead_letter(&self, job_id: String) -> Result<DeadLetter, CliError> {
        let request = GetDeadLetterRequest { job_id };
        Ok(ask!(self, Freely, dead_letter_service, get, request)?.answer)
    }

    /// A dead job is replayed once, however often it is asked for.
    pub(crate) async fn replay(
        &self,
        request: ReplayDeadLetterRequest,
    ) -> Result<SubmitResponse, CliError> {
        Ok(ask!(self, Freely, dead_letter_service, replay, request)?.answer)
    }

    /// Repeated it would say that nothing was purged.
    pub(crate) async fn purge(
        &self,
        request: PurgeDeadLettersRequest,
    ) -> Result<PurgeDeadLettersResponse, CliError> {
        Ok(ask!(self, IfNotDone, dead_letter_service, purge, request)?.answer)
    }

    /// The stream may break; it tells whose it was.
    pub(crate) async fn export_history(
        &self,
        request: v1::ExportHistoryRequest,
    ) -> Result<Answered<Streaming<v1::HistoryRecord>>, CliError> {
        ask!(self, Freely, trace_service, export_history, request)
    }

    /// Of the coordinator that is asked, whether it leads or not.
    pub(crate) async fn status(&self) -> Result<Answered<v1::Status>, CliError> {
        let request = GetStatusRequest {};
        ask!(self, Freely, ClusterServiceClient::new, get_status, request)
    }
}

fn job_service(channel: Channel) -> JobServiceClient<Channel> {
    JobServiceClient::new(channel).max_decoding_message_size(MAX_ANSWER_BYTES)
}

fn dead_letter_service(channel: Channel) -> DeadLetterServiceClient<Channel> {
    DeadLetterServiceClient::new(channel).max_decoding_message_size(MAX_ANSWER_BYTES)
}

fn trace_service(channel: Channel) -> TraceServiceClient<Channel> {
    TraceServiceClient::new(channel).max_decoding_message_size(MAX_ANSWER_BYTES)
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
