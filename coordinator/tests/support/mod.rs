//! A coordinator in this process, and an agent that is only a stream.
#![allow(dead_code, reason = "each test binary uses a part of this")]

use std::{collections::VecDeque, path::Path};

use std::time::Duration;

use drover_coordinator::{Coordinator, Handle, Options};
use drover_proto::{AGENT_PROTOCOL_VERSION, time, v1};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Streaming, transport::Channel};
use v1::{
    agent_message::Message, agent_service_client::AgentServiceClient,
    cluster_service_client::ClusterServiceClient, coordinator_message::Message as FromCoordinator,
    dead_letter_service_client::DeadLetterServiceClient, job_service_client::JobServiceClient,
    queue_service_client::QueueServiceClient,
};

pub(crate) type Jobs = JobServiceClient<Channel>;
pub(crate) type DeadLetters = DeadLetterServiceClient<Channel>;
pub(crate) type Queues = QueueServiceClient<Channel>;

pub(crate) fn options(dir: &Path) -> Options {
    let store = format!("sqlite:{}", dir.join("drover.db").display());
    Options::new("127.0.0.1:0".parse().unwrap(), store)
}

pub(crate) async fn start(dir: &Path) -> Handle {
    Coordinator::start(options(dir))
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

/// Sooner than any test would want, if nothing goes wrong.
pub(crate) async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), work)
        .await
        .unwrap_or_else(|_| panic!("{what} takes too long"))
}

pub(crate) async fn dead_letters(handle: &Handle) -> DeadLetters {
    DeadLetterServiceClient::new(channel(handle).await)
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

/// Speaks the agent protocol, starts nothing, and says whatever the test wants.
pub(crate) struct FakeAgent {
    outgoing: mpsc::Sender<v1::AgentMessage>,
    incoming: Streaming<v1::CoordinatorMessage>,
    assigned: VecDeque<v1::Assign>,
    sequence: u64,
    pub(crate) welcome: v1::Welcome,
}

impl FakeAgent {
    pub(crate) async fn join(handle: &Handle, join: v1::Join) -> Result<Self, tonic::Status> {
        let (outgoing, messages) = mpsc::channel(64);
        send(&outgoing, Message::Join(join)).await;
        let mut client = AgentServiceClient::new(channel(handle).await);
        let mut incoming = client
            .session(ReceiverStream::new(messages))
            .await?
            .into_inner();
        let mut assigned = VecDeque::new();
        let welcome = loop {
            let message = incoming.message().await?;
            let message = message.ok_or_else(|| tonic::Status::unavailable("no welcome"))?;
            match message.message.expect("a message") {
                FromCoordinator::Welcome(welcome) => break welcome,
                FromCoordinator::Assignments(more) => assigned.extend(more.assignments),
                other => panic!("{other:?} before the welcome"),
            }
        };
        Ok(Self {
            outgoing,
            incoming,
            assigned,
            sequence: 0,
            welcome,
        })
    }

    /// The next message that is not an acknowledgement.
    async fn receive(&mut self) -> FromCoordinator {
        loop {
            let message = self
                .incoming
                .message()
                .await
                .unwrap()
                .expect("an open session");
            match message.message.expect("a message") {
                FromCoordinator::Ack(_) => {}
                other => return other,
            }
        }
    }

    pub(crate) async fn assignment(&mut self) -> v1::Assign {
        loop {
            if let Some(assign) = self.assigned.pop_front() {
                return assign;
            }
            match self.receive().await {
                FromCoordinator::Assignments(more) => self.assigned.extend(more.assignments),
                other => panic!("{other:?} instead of an assignment"),
            }
        }
    }

    /// Waits for the end of the stream; true when nothing but acknowledgements came before.
    pub(crate) async fn is_closed(&mut self) -> bool {
        loop {
            match self.incoming.message().await {
                Ok(Some(message)) => match message.message {
                    Some(FromCoordinator::Ack(_)) => {}
                    _ => return false,
                },
                Ok(None) | Err(_) => return true,
            }
        }
    }

    pub(crate) async fn stop(&mut self) -> v1::Stop {
        match self.receive().await {
            FromCoordinator::Stop(stop) => stop,
            other => panic!("{other:?} instead of a stop"),
        }
    }

    pub(crate) async fn heartbeat(&mut self) -> FromCoordinator {
        let heartbeat = v1::Heartbeat {
            number: 7,
            cpu_permille: 500,
            memory_permille: 250,
        };
        send(&self.outgoing, Message::Heartbeat(heartbeat)).await;
        self.receive().await
    }

    pub(crate) async fn started(&mut self, assign: &v1::Assign) {
        let what = v1::report::What::Started(v1::Started { at_ms: 1 });
        self.report(assign, what).await;
    }

    pub(crate) async fn finished(&mut self, assign: &v1::Assign, outcome: v1::Outcome) {
        let what = v1::report::What::Ended(v1::Ended {
            started_at_ms: 1,
            ended_at_ms: 2,
            outcome: outcome.into(),
            exit_code: Some(0),
            message: String::new(),
        });
        self.report(assign, what).await;
    }

    async fn report(&mut self, assign: &v1::Assign, what: v1::report::What) {
        self.sequence += 1;
        let reports = v1::Reports {
            sequence: self.sequence,
            reports: vec![v1::Report {
                key: assign.key.clone(),
                what: Some(what),
            }],
        };
        send(&self.outgoing, Message::Reports(reports)).await;
    }
}

async fn send(outgoing: &mpsc::Sender<v1::AgentMessage>, message: Message) {
    let message = v1::AgentMessage {
        message: Some(message),
    };
    outgoing.send(message).await.expect("an open session");
}

pub(crate) fn join(node: &str, cpu_millis: u64) -> v1::Join {
    v1::Join {
        node: node.to_owned(),
        incarnation: 1,
        protocol_version: AGENT_PROTOCOL_VERSION,
        agent_version: "test".to_owned(),
        capacity: Some(v1::Resources {
            cpu_millis,
            memory_bytes: 1 << 30,
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// An agent that finishes at once whatever it is given, and joins again whenever its session ends. Ends when dropped.
pub(crate) struct DiligentAgent {
    working: tokio::task::JoinHandle<()>,
}

impl DiligentAgent {
    pub(crate) fn start(handle: &Handle, node: &str) -> Self {
        let (url, join) = (format!("http://{}", handle.address()), join(node, 4_000));
        let working = tokio::spawn(async move {
            loop {
                // Why a session ends is not its concern.
                let _ = finish_everything(&url, &join).await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        Self { working }
    }
}

impl Drop for DiligentAgent {
    fn drop(&mut self) {
        self.working.abort();
    }
}

async fn finish_everything(url: &str, join: &v1::Join) -> Result<(), tonic::Status> {
    let mut client = AgentServiceClient::connect(url.to_owned())
        .await
        .map_err(|error| tonic::Status::unavailable(error.to_string()))?;
    let (outgoing, messages) = mpsc::channel(64);
    send(&outgoing, Message::Join(join.clone())).await;
    let mut incoming = client
        .session(ReceiverStream::new(messages))
        .await?
        .into_inner();
    let mut sequence = 0;
    while let Some(message) = incoming.message().await? {
        let Some(FromCoordinator::Assignments(more)) = message.message else {
            continue;
        };
        for assign in more.assignments {
            sequence += 1;
            let ended = v1::Ended {
                started_at_ms: 1,
                ended_at_ms: 2,
                outcome: v1::Outcome::Succeeded.into(),
                ..Default::default()
            };
            let report = v1::Report {
                key: assign.key,
                what: Some(v1::report::What::Ended(ended)),
            };
            let reports = v1::Reports {
                sequence,
                reports: vec![report],
            };
            let message = v1::AgentMessage {
                message: Some(Message::Reports(reports)),
            };
            if outgoing.send(message).await.is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}
