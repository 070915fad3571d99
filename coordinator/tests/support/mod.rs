//! A coordinator in this process, and an agent that is only a stream.
#![allow(dead_code, reason = "each test binary uses a part of this")]

mod agent;

use std::{path::Path, time::Duration};

use drover_coordinator::{Coordinator, Handle, Options};
use drover_proto::{time, v1};
use tonic::transport::Channel;
use v1::{
    cluster_service_client::ClusterServiceClient,
    dead_letter_service_client::DeadLetterServiceClient, job_service_client::JobServiceClient,
    node_service_client::NodeServiceClient, policy_service_client::PolicyServiceClient,
    queue_service_client::QueueServiceClient,
};

#[allow(unused_imports, reason = "each test binary uses a part of this")]
pub(crate) use agent::{DiligentAgent, FakeAgent, join};

pub(crate) type Jobs = JobServiceClient<Channel>;
pub(crate) type DeadLetters = DeadLetterServiceClient<Channel>;
pub(crate) type Queues = QueueServiceClient<Channel>;
pub(crate) type Policies = PolicyServiceClient<Channel>;
pub(crate) type Nodes = NodeServiceClient<Channel>;

pub(crate) fn options(dir: &Path) -> Options {
    let store = format!("sqlite:{}", dir.join("drover.db").display());
    Options::new("127.0.0.1:0".parse().unwrap(), store)
}

pub(crate) async fn start(dir: &Path) -> Handle {
    Coordinator::start(options(dir))
        .await
        .expect("a coordinator")
}

/// On a database of its own.
pub(crate) async fn start_on(url: &str) -> Handle {
    let address = "127.0.0.1:0".parse().unwrap();
    Coordinator::start(Options::new(address, url))
        .await
        .expect("a coordinator")
}

pub(crate) async fn channel(handle: &Handle) -> Channel {
    Channel::from_shared(format!("http://{}", handle.address()))
        .unwrap()
        .connect()
        .await
        .unwrap()
}

/// No wait of a working system comes near it, on a busy machine either. It is there so that a failure ends.
const LIMIT: Duration = Duration::from_secs(90);

/// Ends a test whose work does not.
pub(crate) async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, work)
        .await
        .unwrap_or_else(|_| panic!("{what} takes too long"))
}

pub(crate) async fn dead_letters(handle: &Handle) -> DeadLetters {
    DeadLetterServiceClient::new(channel(handle).await)
}

pub(crate) async fn nodes(handle: &Handle) -> Nodes {
    NodeServiceClient::new(channel(handle).await)
}

pub(crate) async fn policies(handle: &Handle) -> Policies {
    PolicyServiceClient::new(channel(handle).await)
}

/// What happened to policies, newest first.
pub(crate) async fn policy_history(handle: &Handle) -> Vec<v1::PolicyEvent> {
    let request = v1::PolicyHistoryRequest::default();
    let page = policies(handle).await.history(request).await.unwrap();
    page.into_inner().events
}

pub(crate) async fn queues(handle: &Handle) -> Queues {
    QueueServiceClient::new(channel(handle).await)
}

pub(crate) async fn status(handle: &Handle) -> v1::Status {
    ClusterServiceClient::new(channel(handle).await)
        .get_status(v1::GetStatusRequest {})
        .await
        .unwrap()
        .into_inner()
}

/// Runs a statement on a SQLite database behind the coordinator's back.
pub(crate) async fn execute(dir: &Path, sql: &str) {
    use sqlx::{AssertSqlSafe, Connection as _, Executor as _, SqliteConnection};
    let path = dir.join("drover.db");
    let mut connection = SqliteConnection::connect(&path.display().to_string())
        .await
        .unwrap();
    let sql = AssertSqlSafe(sql.to_owned());
    connection.execute(sql).await.unwrap();
}

/// The reason of an error, and where it says the leader is.
pub(crate) fn refusal(status: &tonic::Status) -> (String, Option<String>) {
    use tonic_types::StatusExt as _;
    let details = status.get_error_details();
    let info = details.error_info().expect("a reason");
    (info.reason.clone(), info.metadata.get("leader").cloned())
}

pub(crate) async fn submit_job(jobs: &mut Jobs, request: v1::SubmitRequest) -> String {
    jobs.submit(request).await.unwrap().into_inner().job_id
}

pub(crate) async fn jobs(handle: &Handle) -> Jobs {
    JobServiceClient::new(channel(handle).await)
}

pub(crate) fn task(name: &str, needs: &[&str]) -> v1::TaskSpec {
    v1::TaskSpec {
        name: name.to_owned(),
        needs: needs.iter().map(|&need| need.to_owned()).collect(),
        run: Some(v1::task_spec::Run::Simulate(v1::Simulate {
            duration: Some(time::duration(0)),
            failure_chance: 0.0,
        })),
        ..Default::default()
    }
}

pub(crate) fn submit(name: &str, tasks: Vec<v1::TaskSpec>) -> v1::SubmitRequest {
    v1::SubmitRequest {
        spec: Some(v1::JobSpec {
            name: name.to_owned(),
            tasks,
            ..Default::default()
        }),
        request_id: String::new(),
    }
}

pub(crate) async fn get(jobs: &mut Jobs, job_id: &str) -> v1::Job {
    let request = v1::GetJobRequest {
        job_id: job_id.to_owned(),
    };
    jobs.get(request).await.unwrap().into_inner()
}

/// Watches until the job has ended.
pub(crate) async fn ended(jobs: &mut Jobs, job_id: &str) -> v1::Job {
    let request = v1::WatchJobRequest {
        job_id: job_id.to_owned(),
    };
    let mut watch = jobs.watch(request).await.unwrap().into_inner();
    while watch.message().await.unwrap().is_some() {}
    get(jobs, job_id).await
}
