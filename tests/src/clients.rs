//! What clients of a cluster do.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use drover_proto::v1::{
    GetJobRequest, GetStatusRequest, Job, JobSpec, ListJobsRequest, ListNodesRequest, Node,
    NodeState, Status, SubmitRequest, cluster_service_client::ClusterServiceClient,
    job_service_client::JobServiceClient, node_service_client::NodeServiceClient,
};
use tonic::transport::{Channel, Endpoint};

use crate::{Address, Answer, Cluster, clean_command, drover, until, within_limit};

/// A coordinator that is frozen is not asked for longer.
const STATUS_LIMIT: Duration = Duration::from_secs(2);

/// Jobs with thousands of tasks have long records.
const MAX_ANSWER_BYTES: usize = 256 << 20;

impl Cluster {
    /// A client command; its standard input is empty.
    pub fn client<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut command = clean_command(drover());
        command
            .args(arguments)
            .env("DROVER_ADDRESS", self.urls())
            .current_dir(self.directory())
            .stdin(Stdio::null());
        command
    }

    /// Runs a client command to its end.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn run<const N: usize>(&self, arguments: [&str; N]) -> Answer {
        let mut command = tokio::process::Command::from(self.client(arguments));
        let what = format!("drover {}", arguments.join(" "));
        within_limit(&what, command.kill_on_drop(true).output())
            .await
            .expect("the program starts")
            .into()
    }

    /// Writes a file of the test.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.directory().join(name), text).expect("writable");
    }

    /// What a file of the test holds; empty when there is none.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.directory().join(name)).unwrap_or_default()
    }

    /// Submits the job that is written in YAML, and gives its id.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn submit(&self, yaml: &str) -> String {
        self.write("job.yaml", yaml);
        let id = self.run(["submit", "job.yaml"]).await.succeeded();
        id.trim().to_owned()
    }

    /// Submits a job over the wire, and gives its id.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn submit_spec(&self, spec: JobSpec) -> String {
        let request = SubmitRequest {
            spec: Some(spec),
            request_id: String::new(),
        };
        let answer = self.jobs().await.submit(request).await.expect("accepted");
        answer.into_inner().job_id
    }

    /// The record of a job.
    ///
    /// # Panics
    /// When there is none.
    pub async fn job(&self, id: &str) -> Job {
        self.run(["job", "show", id, "-o", "json"]).await.job()
    }

    /// Waits until the record of a job is as it should be, and gives it.
    ///
    /// # Panics
    /// When it does not become so.
    pub async fn job_when(&self, id: &str, is: impl Fn(&Job) -> bool) -> Job {
        let request = GetJobRequest {
            job_id: id.to_owned(),
        };
        let mut jobs = self.jobs().await;
        until(&format!("the record of job {id}"), async || {
            match jobs.get(request.clone()).await {
                Ok(job) => Some(job.into_inner()).filter(|job| is(job)),
                Err(_) => {
                    jobs = self.jobs().await;
                    None
                }
            }
        })
        .await
    }

    /// Every job in the store.
    ///
    /// # Panics
    /// When they cannot be listed.
    pub async fn all_jobs(&self) -> Vec<Job> {
        let mut jobs = self.jobs().await;
        let mut request = ListJobsRequest {
            page_size: 1_000,
            ..ListJobsRequest::default()
        };
        let mut all = Vec::new();
        loop {
            let page = jobs
                .list(request.clone())
                .await
                .expect("listed")
                .into_inner();
            all.extend(page.jobs);
            if page.next_page_token.is_empty() {
                return all;
            }
            request.page_token = page.next_page_token;
        }
    }

    /// Waits until the node is in this state, and gives it.
    ///
    /// # Panics
    /// When it does not get there.
    pub async fn node_is(&self, name: &str, state: NodeState) -> Node {
        let mut nodes = NodeServiceClient::new(self.channel().await);
        until(&format!("node {name} to be {state:?}"), async || {
            let Ok(answer) = nodes.list(ListNodesRequest {}).await else {
                nodes = NodeServiceClient::new(self.channel().await);
                return None;
            };
            let mut listed = answer.into_inner().nodes.into_iter();
            listed.find(|node| node.name == name && node.state() == state)
        })
        .await
    }

    /// The place of the coordinator that leads; waits until one does.
    pub async fn leader(&self) -> usize {
        let addresses = self.addresses();
        until("a coordinator to lead", async || {
            for (place, address) in addresses.iter().enumerate() {
                if status_of(*address)
                    .await
                    .is_some_and(|status| status.leading)
                {
                    return Some(place);
                }
            }
            None
        })
        .await
    }

    /// What the leader says of itself; waits until there is one.
    pub async fn status(&self) -> Status {
        let addresses = self.addresses();
        until("the status of a leader", async || {
            for address in &addresses {
                let status = status_of(*address).await.filter(|status| status.leading);
                if status.is_some() {
                    return status;
                }
            }
            None
        })
        .await
    }

    /// What the leader has counted.
    ///
    /// # Panics
    /// When it counts nothing of the name.
    pub async fn counter(&self, name: &str) -> u64 {
        let counters = self.status().await.counters;
        let count = counters.get(name).copied();
        count.unwrap_or_else(|| panic!("no counter {name} in {counters:?}"))
    }

    /// A connection that nobody of ours has wrapped, to whoever leads. Made at the first call.
    ///
    /// # Panics
    /// When nobody leads for too long.
    pub async fn channel(&self) -> Channel {
        let address = self.leader_address().await;
        let endpoint = Endpoint::from_shared(address.url()).expect("an address");
        endpoint.connect_lazy()
    }

    pub async fn jobs(&self) -> JobServiceClient<Channel> {
        JobServiceClient::new(self.channel().await).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    /// With a single coordinator it is not asked whether it leads.
    async fn leader_address(&self) -> Address {
        match self.addresses()[..] {
            [only] => only,
            ref several => several[self.leader().await],
        }
    }
}

/// What a coordinator says of itself; `None` when it does not answer soon.
pub async fn status_of(address: Address) -> Option<Status> {
    let endpoint = Endpoint::from_shared(address.url()).expect("an address");
    let mut cluster = ClusterServiceClient::new(endpoint.connect_lazy());
    let asked = cluster.get_status(GetStatusRequest {});
    let answer = tokio::time::timeout(STATUS_LIMIT, asked).await;
    Some(answer.ok()?.ok()?.into_inner())
}
